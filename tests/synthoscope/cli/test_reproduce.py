import pytest
from typer.testing import CliRunner

from synthoscope.cli.app import app
from synthoscope.reproduction.made_up import write
from synthoscope.reproduction.recipe import Imported
from synthoscope.reproduction.seeds.data import BRAIN, CHEST
from synthoscope.rpc.errors import InvalidInput


def test_an_unknown_paper_is_refused_with_those_there_are():
    done = CliRunner().invoke(app, ["reproduce", "seed6"])
    assert isinstance(done.exception, InvalidInput)
    assert "seed1, seed2, seed3, seed4, seed5, not 'seed6'" in str(done.exception)


def test_the_data_folder_must_hold_the_papers_folder(tmp_path):
    done = CliRunner().invoke(app, ["reproduce", "seed4", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, InvalidInput)
    assert "must hold the folder chest-xray-pneumonia" in str(done.exception)


@pytest.mark.parametrize("images", [CHEST, Imported("x", {"glioma": "sick"}), BRAIN], ids=["two", "one", "four"])
def test_made_up_images_have_the_folders_classes(tmp_path, images, monkeypatch):
    monkeypatch.setattr("synthoscope.reproduction.made_up.TRAIN", 2)
    monkeypatch.setattr("synthoscope.reproduction.made_up.TEST", 1)
    write(images, tmp_path)
    for split, count in (("train", 2), ("test", 1)):
        folders = {folder.name: len(list(folder.iterdir())) for folder in (tmp_path / split).iterdir()}
        assert folders == dict.fromkeys(images.made_up.values(), count)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["test", "train"]
