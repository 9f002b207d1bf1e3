import stat

import pytest

from synthoscope.local import home
from synthoscope.rpc.errors import FailedPrecondition


def test_the_id_depends_on_the_resolved_path_alone(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert home.stack_id(tmp_path) == home.stack_id(tmp_path / "link")
    assert home.stack_id(tmp_path) != home.stack_id(tmp_path / "other")


def test_the_runtime_folder_is_short_however_long_the_paths_are(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 200)
    monkeypatch.setenv("TMPDIR", str(long))
    assert len(str(home.runtime_folder(long))) <= 36


def test_home_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHOSCOPE_HOME", str(tmp_path))
    assert home.home_of(None) == tmp_path.resolve()
    assert home.home_of(tmp_path / "given") == (tmp_path / "given").resolve()


def test_private_files_and_folders_are_for_their_owner_only(tmp_path):
    folder = tmp_path / "folder"
    home.make_private(folder)
    home.write_private(folder / "file", "first")
    home.write_private(folder / "file", "second")
    assert (folder / "file").read_text() == "second\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_a_link_or_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch()
    for wrong in ("link", "file"):
        with pytest.raises(FailedPrecondition, match=wrong):
            home.make_private(tmp_path / wrong)
