"""Planted copies of a few dozen phantoms; benchmarks/audit.py measures on thousands."""

import io
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from synthoscope.datasets import phantoms
from synthoscope.datasets.audit.candidates import candidates
from synthoscope.datasets.audit.copies import Link, find_copies
from synthoscope.datasets.audit.descriptors import describe
from synthoscope.datasets.audit.pictures import SIDE

COUNT = 40


@cache
def originals() -> list[Image.Image]:
    return [Image.fromarray(phantoms.generate(phantoms.LABELS[n % 4], n, 128).image) for n in range(COUNT)]


def jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return Image.open(buffer)


COPIES: Mapping[str, tuple[Callable[[Image.Image], Image.Image], str]] = {
    "re-encoded": (jpeg, "none"),
    "smaller": (lambda image: image.resize((90, 90)), "none"),
    "larger": (lambda image: image.resize((179, 179)), "none"),
    "brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.1), "none"),
    "less contrast": (lambda image: ImageEnhance.Contrast(image).enhance(0.9), "none"),
    "cropped": (lambda image: image.crop((4, 0, 125, 126)), "none"),
    "turned a little": (lambda image: image.rotate(3, Image.Resampling.BICUBIC), "none"),
    "mirrored": (lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "mirror"),
    "turned by 90°": (lambda image: image.transpose(Image.Transpose.ROTATE_90), "turn-90"),
    "turned by 180°": (lambda image: image.transpose(Image.Transpose.ROTATE_180), "turn-180"),
    "turned by 270°": (lambda image: image.transpose(Image.Transpose.ROTATE_270), "turn-270"),
    "mirrored and re-encoded": (lambda image: jpeg(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), "mirror"),
}


def thumbnails(images: list[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for image in images])


def find(images: list[Image.Image]) -> list[Link]:
    pixels = thumbnails(images)
    return find_copies(pixels, describe(pixels), threads=1)


@pytest.fixture(scope="module")
def links() -> list[Link]:
    """Of 40 originals, and one copy of each of the first, each of another kind."""
    images = originals()
    return find(images + [copy(image) for image, (copy, _) in zip(images, COPIES.values(), strict=False)])


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_found_with_its_transform(kind: str, links: list[Link]) -> None:
    place = list(COPIES).index(kind)
    own = [link for link in links if link.a == place]
    assert [(link.b, link.transform) for link in own] == [(COUNT + place, COPIES[kind][1])]
    assert own[0].similarity > 0.9


def test_nothing_else_is_called_a_copy(links: list[Link]) -> None:
    assert len(links) == len(COPIES)


def test_the_same_pictures_give_the_same_links() -> None:
    some = [*originals()[:6], jpeg(originals()[0])]
    assert find(some) == find(some) != []


def test_all_of_many_copies_are_candidates() -> None:
    """More than are asked of the index at first."""
    some = [originals()[0].resize((size, size)) for size in range(100, 140)]
    found = candidates(describe(thumbnails([*some, *originals()[1:]])), threads=1)
    among = [pair for pair in found if pair.transform == "none" and pair.b < len(some)]
    assert len(among) == 40 * 39 // 2


def test_a_single_picture_has_no_copies() -> None:
    assert find(originals()[:1]) == []
