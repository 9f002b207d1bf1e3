import pytest
import typer

from synthoscope.cli.demo import _dataset_id
from synthoscope.cli.gan import parse_conditioning
from synthoscope.cli.synth import parse_counts
from synthoscope.cli.tune import parse_parameter


def test_search_spaces():
    assert parse_parameter("learning_rate=1e-4:1e-2:log").range.log
    assert parse_parameter("dropout=0.2:0.6").range.maximum == 0.6
    assert list(parse_parameter("batch_size=16,32").choice.values) == [16, 32]


@pytest.mark.parametrize("text", ["", "dropout", "dropout=", "dropout=a:b", "dropout=1,b", "=1:2x"])
def test_search_space_that_is_none(text):
    with pytest.raises(typer.BadParameter, match="must be NAME="):
        parse_parameter(text)


def test_counts():
    assert parse_counts(["glioma=3", "no=tumor=4"]) == {"glioma": 3, "no=tumor": 4}


@pytest.mark.parametrize("text", ["glioma", "glioma=", "glioma=-1", "glioma=x"])
def test_counts_that_are_none(text):
    with pytest.raises(typer.BadParameter, match="CLASS=IMAGES"):
        parse_counts([text])


def test_conditioning():
    assert parse_conditioning("per-class") == "GAN_CONDITIONING_PER_CLASS"
    assert parse_conditioning("") == "GAN_CONDITIONING_UNSPECIFIED"
    with pytest.raises(typer.BadParameter, match="unconditional, per-class, conditional"):
        parse_conditioning("none")


def test_dataset_id_of_a_folder(tmp_path):
    assert _dataset_id(None) == "phantoms"
    assert _dataset_id(tmp_path / "Brain Tumor MRI") == "brain-tumor-mri"
    assert _dataset_id(tmp_path / "2024 scans") == "data-2024-scans"
