from pathlib import Path

import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources import Scan, SourceOptions, open_source
from synthoscope.rpc.errors import InvalidInput

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST


def scan(directory: Path, seed: int = 0) -> Scan:
    with open_source(directory, SourceOptions(seed=seed)) as found:
        return found


def write(directory: Path, *paths: str) -> None:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).touch()


def test_split_and_class_folders(tmp_path: Path) -> None:
    write(tmp_path, "Training/b/1.JPG", "Training/a/1.png", "Training/a/sub/2.jpeg", "testing/a/1.png", "manifest.csv")
    write(tmp_path, "masks/train/a/1.png", "val/a/1.png", "Training/a/notes.txt", "Training/a/.hidden.png")
    write(tmp_path, "testing/a/.ipynb_checkpoints/1.png", "Training/a/masks/1.png")
    found = scan(tmp_path)
    assert [(image.path, image.split, image.label) for image in found.images] == [
        ("Training/a/1.png", TRAIN, "a"),
        ("Training/a/sub/2.jpeg", TRAIN, "a"),
        ("Training/b/1.JPG", TRAIN, "b"),
        ("testing/a/1.png", TEST, "a"),
    ]
    (tmp_path / "Training/a/1.png").write_bytes(b"bytes")
    assert found.images[0].file.read() == b"bytes"
    assert found.classes == ("a", "b")
    assert len(found.notes) == 3
    assert "masks/" in found.notes[0]
    assert "held out" in found.notes[1]
    assert found.notes[2] == "2 files are not used: .csv 1, .txt 1"


@pytest.mark.parametrize("top", ["", "train/"])
def test_files_that_are_not_used_are_counted(tmp_path: Path, top: str) -> None:
    write(
        tmp_path, f"{top}a/1.png", f"{top}b/2.jpg", f"{top}a/3.tif", f"{top}a/4.TIF", f"{top}b/5.webp", f"{top}b/scan"
    )
    write(tmp_path, "loose.png", "val/a/1.tif" if top else "a/masks/1.tif", f"{top}a/.DS_Store")
    notes = scan(tmp_path).notes
    assert notes[-1] == "5 files are not used: .png 1, .tif 2, .webp 1, without a suffix 1"
    assert len(notes) == 2


def test_class_folders_alone_are_split_for_each_class(tmp_path: Path) -> None:
    write(tmp_path, *(f"a/{n}.png" for n in range(50)), *(f"b/{n}.png" for n in range(10)), "c/1.png", "masks/a/1.png")
    found = scan(tmp_path)
    assert found.classes == ("a", "b", "c")
    counts = [
        [sum(i.label == label and i.split == split for i in found.images) for split in (TRAIN, TEST)] for label in "abc"
    ]
    assert counts == [[40, 10], [8, 2], [1, 0]]
    assert scan(tmp_path) == found
    assert scan(tmp_path, seed=1) != found
    assert [image.path for image in found.images] == sorted(image.path for image in found.images)
    assert "seed 0" in found.notes[0]


def test_a_class_folder_without_images_is_still_a_class(tmp_path: Path) -> None:
    write(tmp_path, "train/a/1.png", "train/b/readme.txt")
    assert scan(tmp_path).classes == ("a", "b")


def test_no_folder_and_no_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not exist; expected a folder of class folders"):
        scan(tmp_path / "nowhere")
    write(tmp_path, "1.png", "a/readme.txt")
    with pytest.raises(InvalidInput, match="holds no images"):
        scan(tmp_path)
