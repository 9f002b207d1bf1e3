"""Planted copies of a few dozen phantoms of 64 px, as large as the images of most generators here."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from synthoscope.datasets import phantoms
from synthoscope.synthetic.copies import Copy, CopyFinder, RepeatFinder

SIZE, REFERENCES, OTHERS = 64, 40, 24

Image = NDArray[Any]


@cache
def heads() -> NDArray[np.uint8]:
    """Images of as many heads: the references, then others."""
    labels = phantoms.LABELS
    return np.stack([phantoms.generate(labels[n % 4], n, SIZE).image for n in range(REFERENCES + OTHERS)])


@pytest.fixture(scope="module")
def finder() -> CopyFinder:
    return CopyFinder(heads()[:REFERENCES])


def noisy(image: Image, deviation: float = 5.0) -> Image:
    noise = np.random.default_rng(0).normal(0, deviation, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def blurred(image: Image, deviation: float = 1.0) -> Image:
    return cv2.GaussianBlur(image, (0, 0), deviation)


def moved(image: Image, degrees: float, right: float, down: float) -> Image:
    matrix: NDArray[Any] = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), degrees, 1.0)
    matrix[:, 2] += (right, down)
    return cv2.warpAffine(image, matrix, image.shape, borderMode=cv2.BORDER_REPLICATE)


COPIES: Mapping[str, tuple[Callable[[Image], Image], str]] = {
    "the image itself": (lambda image: image, "none"),
    "mirrored": (lambda image: image[:, ::-1], "mirror"),
    "turned": (np.rot90, "turn-90"),
    "brighter": (lambda image: np.clip(image * 1.2 + 10, 0, 255).astype(np.uint8), "none"),
    "less contrast": (lambda image: (image * 0.7 + 30).astype(np.uint8), "none"),
    "noisy": (noisy, "none"),
    "blurred": (blurred, "none"),
    "shifted": (lambda image: moved(image, 0, 1, -1), "none"),
    "shifted by more": (lambda image: moved(image, 0, 2, 1), "none"),
    "turned a little": (lambda image: moved(image, 3, 0, 0), "none"),
    "mirrored and blurred": (lambda image: blurred(image[:, ::-1], 0.7), "mirror"),
    "larger": (lambda image: cv2.resize(image, (90, 90), interpolation=cv2.INTER_CUBIC), "none"),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_of_a_reference_is_found_with_its_transform(kind: str, finder: CopyFinder) -> None:
    copy, transform = COPIES[kind]
    found = finder.find(np.stack([copy(image) for image in heads()[4:8]]))
    assert [(copy.index, copy.reference, copy.transform) for copy in found] == [(n, 4 + n, transform) for n in range(4)]
    assert min(copy.similarity for copy in found) > 0.9


def test_other_images_are_no_copies_as_they_are_or_blurred(finder: CopyFinder) -> None:
    others = heads()[REFERENCES:]
    assert finder.find(others) == []
    assert finder.find(np.stack([blurred(image, 1.5) for image in others])) == []


def test_means_of_references_are_no_copies(finder: CopyFinder) -> None:
    thirds = heads()[:36].reshape(3, -1, SIZE, SIZE).astype(float)
    assert finder.find(thirds.mean(axis=0).astype(np.uint8)) == []


def test_colours_are_seen_in_grey(finder: CopyFinder) -> None:
    in_colour = np.repeat(heads()[:2, ..., None], 3, axis=3)
    assert [copy.reference for copy in finder.find(in_colour)] == [0, 1]


def test_a_single_grey_is_a_copy_of_nothing(finder: CopyFinder) -> None:
    assert finder.find(np.full((2, SIZE, SIZE), 90, np.uint8)) == []
    with pytest.raises(ValueError, match="single grey value"):
        CopyFinder(np.zeros((3, SIZE, SIZE), np.uint8))


def test_references_may_hold_copies_and_single_greys() -> None:
    images = np.concatenate([np.zeros((1, SIZE, SIZE), np.uint8), heads()[:6], heads()[:6]])
    assert [copy.reference % 6 for copy in CopyFinder(images).find(heads()[:2])] == [1, 2]


def test_repeats_are_found_within_batches_and_across_them(finder: CopyFinder) -> None:
    others = heads()[REFERENCES:]
    images = np.stack([*others[:8], others[2][:, ::-1], noisy(others[2]), *others[8:12], blurred(others[5])])
    whole = RepeatFinder(finder).find(images)
    assert [(copy.index, copy.transform) for copy in whole] == [(8, "mirror"), (9, "none"), (14, "none")]
    assert [copy.reference for copy in whole] == [2, 2, 5]
    in_parts = RepeatFinder(finder)
    assert [copy for part in np.split(images, [3, 9, 10]) for copy in in_parts.find(part)] == whole


def test_a_repeat_is_the_later_one(finder: CopyFinder) -> None:
    same = np.stack([heads()[0]] * 3)
    assert [(copy.index, copy.reference) for copy in RepeatFinder(finder).find(same)] == [(1, 0), (2, 0)]


def test_threads_change_nothing() -> None:
    images = np.stack([noisy(image) for image in heads()[:8]])
    found: list[list[Copy]] = [CopyFinder(heads()[:REFERENCES], threads).find(images) for threads in (1, 2)]
    assert found[0] == found[1] != []
