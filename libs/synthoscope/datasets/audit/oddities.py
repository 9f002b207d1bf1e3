"""Files that are out of the ordinary."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from synthoscope.api.datasets.v1.audits_pb2 import OddFile
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage
from synthoscope.datasets.audit.pictures import Picture

SMALLEST = 32
"""Pixels of the shorter side, below which an image is called tiny."""

_MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".dcm": "application/dicom"}


def odd_files(images: Sequence[DatasetImage], found: Sequence[Picture | str]) -> list[OddFile]:
    """What is odd about each file, in their order; a file can be odd in several ways."""
    return [
        OddFile(path=image.path, problem=problem)
        for image, picture in zip(images, found, strict=True)
        for problem in _problems(image.path, picture)
    ]


def _problems(path: str, picture: Picture | str) -> Iterator[str]:
    if isinstance(picture, str):
        yield f"cannot be read: {picture}"
        return
    facts = picture.facts
    if picture.constant:
        yield "all pixels are the same"
    if min(facts.width, facts.height) < SMALLEST:
        yield f"has only {facts.width}×{facts.height} pixels"
    suffix = PurePosixPath(path).suffix.lower()
    if _MEDIA_TYPES.get(suffix, facts.media_type) != facts.media_type:
        yield f"is called {suffix} but holds {facts.media_type}"
