import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources import Scan, SourceOptions, open_source
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

RANDOM = np.random.default_rng(5)


def pixels(count: int, *shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, *shape), dtype=np.uint8)


def write(file: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(file, **arrays)
    return file


def scan(file: Path, **options: object) -> Scan:
    with open_source(file, SourceOptions(**options)) as found:
        return found


@pytest.mark.parametrize("shape", [(28, 28), (20, 30, 3)], ids=["grey", "RGB"])
def test_pixels_become_png_files(tmp_path: Path, shape: tuple[int, ...]) -> None:
    train, test = pixels(6, *shape), pixels(2, *shape)
    labels = {"train_labels": np.array([[0], [1], [1], [0], [1], [0]], np.uint8), "test_labels": np.array([0, 1])}
    arrays = {"train_images": train, "val_images": train, "test_images": test, **labels}
    with open_source(write(tmp_path / "set.npz", **arrays)) as found:
        assert found.classes == ("0", "1")
        assert [image.label for image in found.images] == list("01101001")
        assert [image.split for image in found.images] == [Split.SPLIT_TRAIN] * 6 + [Split.SPLIT_TEST] * 2
        assert found.images[1].path == "train/1/000001.png"
        assert "val_images is not used" in found.notes[0]
        for image, expected in zip(found.images, [*train, *test], strict=True):
            np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(image.file.read()))), expected)
        assert found.images[3].file.sha256() == found.images[3].file.sha256()


def test_classes_may_be_named_and_are_ordered_as_numbers_otherwise(tmp_path: Path) -> None:
    file = write(tmp_path / "set.npz", train_images=pixels(12, 4, 4), train_labels=np.arange(12)[:, None])
    assert scan(file).classes == tuple(f"{number:02d}" for number in range(12))
    assert scan(file, class_names=tuple("lkjihgfedcba")).images[0].label == "l"
    with pytest.raises(InvalidInput, match="has 2 names"):
        scan(file, class_names=("a", "b"))


GREY, LABELS = pixels(4, 5, 5), np.zeros((4, 1), np.int64)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": GREY}, "no arrays train_images"),
        ({"train_images": GREY}, "train_labels: is absent"),
        ({"train_images": GREY, "train_labels": LABELS[:3]}, "3 labels for 4 images"),
        ({"train_images": GREY, "train_labels": np.zeros((4, 14), np.uint8)}, "one label an image"),
        ({"train_images": GREY, "train_labels": np.zeros(4)}, "expected integers"),
        ({"train_images": GREY, "train_labels": LABELS - 1}, r"outside \[0, 999\]"),
        ({"train_images": GREY.astype(np.float32), "train_labels": LABELS}, "expected uint8"),
        ({"train_images": pixels(4, 5, 5, 5), "train_labels": LABELS}, "expected uint8"),
        ({"train_images": np.asfortranarray(GREY), "train_labels": LABELS}, "Fortran order"),
        ({"train_images": GREY[:0], "train_labels": LABELS[:0]}, "holds no images"),
    ],
)
def test_arrays_of_another_form_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        scan(write(tmp_path / "set.npz", **arrays))


def test_pickles_are_not_read(tmp_path: Path) -> None:
    labels = np.array([{"a": 1}] * 4, object)
    with pytest.raises(InvalidInput, match="cannot be read as an array of numbers"):
        scan(write(tmp_path / "a.npz", train_images=GREY, train_labels=labels))
    with pytest.raises(InvalidInput, match="expected uint8"):
        scan(write(tmp_path / "b.npz", train_images=labels, train_labels=LABELS))


def test_arrays_that_expand_too_far_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ResourceExhausted, match="would unpack"):
        scan(write(tmp_path / "set.npz", train_images=np.zeros((4000, 64, 64), np.uint8), train_labels=LABELS))


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with open_source(write(tmp_path / "set.npz", train_images=GREY, train_labels=LABELS)) as found:
        assert len(list((tmp_path / "temporary").iterdir())) == 1
        assert len(found.images) == 4
    assert not list((tmp_path / "temporary").iterdir())
