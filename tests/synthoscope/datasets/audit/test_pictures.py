import io

import numpy as np
import pytest
from PIL import Image

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage
from synthoscope.datasets.audit.oddities import odd_files
from synthoscope.datasets.audit.pictures import Picture, Pictures, read_pictures
from synthoscope.rpc.errors import NotFound, Unavailable

NOISE = np.random.default_rng(0).integers(40, 256, (60, 40)).astype(np.uint8)


def file(pixels: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def look(*files: bytes) -> Pictures:
    images = [DatasetImage(path=str(number)) for number in range(len(files))]
    return read_pictures(images, lambda image: files[int(image.path)], lambda done, total: None, threads=2)


def test_a_file_is_described() -> None:
    framed = np.zeros((100, 80), np.uint8)
    framed[10:70, 20:60] = NOISE
    found = look(file(framed)).at(0)
    assert found.margins == pytest.approx((0.1, 0.3, 0.25, 0.25))
    assert (found.facts.media_type, found.facts.mode, found.facts.width) == ("image/png", "L", 80)
    assert found.size_bytes == len(file(framed))
    assert not found.constant


def test_blurring_lowers_sharpness() -> None:
    blurred = np.asarray(Image.fromarray(NOISE).resize((10, 15)).resize((40, 60)))
    pictures = look(file(NOISE), file(blurred))
    assert pictures.at(1).sharpness < pictures.at(0).sharpness / 2


def test_identical_pixels_are_one_group_and_colour_modes_are_kept_apart() -> None:
    grey = file(NOISE)
    colour = file(np.repeat(NOISE[:, :, None], 3, axis=2))
    assert look(grey, colour, grey, b"broken").groups() == [[0, 2], [1]]


def test_thumbnails_are_moved_to_the_front() -> None:
    pictures = look(file(NOISE), file(255 - NOISE), file(NOISE // 2))
    wanted = pictures.thumbnails[[1, 2]].copy()
    assert np.array_equal(pictures.thumbnails_of([1, 2]), wanted)


def test_a_lost_file_is_odd_and_an_absent_store_is_an_error() -> None:
    def lost(image: DatasetImage) -> bytes:
        raise NotFound("gone")

    def away(image: DatasetImage) -> bytes:
        raise Unavailable("away")

    one = [DatasetImage(path="a")]
    assert read_pictures(one, lost, lambda done, total: None, 1).found == ["gone"]
    with pytest.raises(Unavailable):
        read_pictures(one, away, lambda done, total: None, 1)


def test_odd_files_are_named_with_what_is_odd() -> None:
    files = {"a.png": file(NOISE), "b.JPG": file(NOISE), "c.png": file(NOISE * 0), "d.png": file(NOISE[:20]), "e": b"x"}
    images = [DatasetImage(path=path) for path in files]
    found = look(*files.values()).found
    assert isinstance(found[0], Picture)
    problems = [(odd.path, odd.problem) for odd in odd_files(images, found)]
    assert problems[:3] == [
        ("b.JPG", "is called .jpg but holds image/png"),
        ("c.png", "all pixels are the same"),
        ("d.png", "has only 40×20 pixels"),
    ]
    assert problems[3][1].startswith("cannot be read: ")
