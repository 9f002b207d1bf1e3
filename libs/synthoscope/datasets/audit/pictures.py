"""What an audit reads from every file, once: a digest of the pixels, a thumbnail, and what the file is like."""

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage
from synthoscope.images.decoding import DecodedImage, ImageFacts, decode
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound, ResourceExhausted

Read = Callable[[DatasetImage], bytes]
Progress = Callable[[int, int], None]

SIDE = 96
"""Pixels of a thumbnail's side."""

_BROKEN = (InvalidInput, ResourceExhausted, DataLoss, NotFound)
_AT_ONCE = 256  # images handed to the threads together, so that a caller who gives up is not kept waiting
_CONTENT = 16  # grey values by which content differs from a margin


@dataclass(frozen=True)
class Picture:
    """One image file that could be read.

    `digest` is the SHA-256 of "mode:WIDTHxHEIGHT:" and the decoded pixels; `margins` the shares of the height and width
    that are margin at the top, bottom, left and right; `sharpness` the mean square of the differences between
    neighbouring pixels, over the variance; `constant` whether all pixels are the same.
    """

    digest: bytes
    facts: ImageFacts
    size_bytes: int
    margins: tuple[float, float, float, float]
    sharpness: float
    constant: bool


@dataclass(frozen=True)
class Pictures:
    """Of n images: a Picture each, or what is wrong with the file; and grey thumbnails, n × 96 × 96."""

    found: Sequence[Picture | str]
    thumbnails: NDArray[np.uint8]

    def groups(self) -> list[list[int]]:
        """Indices of images with identical pixels, in order; every readable image is in exactly one group."""
        groups = defaultdict(list)
        for index, picture in enumerate(self.found):
            if isinstance(picture, Picture):
                groups[picture.digest].append(index)
        return list(groups.values())

    def at(self, index: int) -> Picture:
        """The picture of a readable image."""
        picture = self.found[index]
        if isinstance(picture, str):
            raise LookupError(f"image {index} cannot be read: {picture}")
        return picture

    def thumbnails_of(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Thumbnails of some images, indices ascending, moved to the front in place: the others are lost."""
        for position, index in enumerate(indices):
            self.thumbnails[position] = self.thumbnails[index]
        return self.thumbnails[: len(indices)]


def read_pictures(images: Sequence[DatasetImage], read: Read, on_progress: Progress, threads: int) -> Pictures:
    """Reads and decodes every image. The thumbnails lie in a temporary file, so that memory does not bound n."""
    shape = (len(images), SIDE, SIDE)
    with tempfile.TemporaryFile() as file:
        thumbnails: NDArray[np.uint8] = (
            np.memmap(file, np.uint8, "w+", shape=shape) if images else np.zeros(shape, "u1")
        )

    def look(index: int) -> Picture | str:
        try:
            data = read(images[index])
            decoded = decode(data, frame=images[index].frame)
        except _BROKEN as error:
            return error.message
        grey = Image.fromarray(decoded.pixels).convert("L")
        thumbnails[index] = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        return _picture(decoded, np.asarray(grey), len(data))

    found: list[Picture | str] = []
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(images), _AT_ONCE):
            found += pool.map(look, range(start, min(start + _AT_ONCE, len(images))))
            on_progress(len(found), len(images))
    return Pictures(found, thumbnails)


def _picture(decoded: DecodedImage, grey: NDArray[np.uint8], size_bytes: int) -> Picture:
    facts = decoded.facts
    head = f"{facts.mode}:{facts.width}x{facts.height}:".encode()
    return Picture(
        digest=hashlib.sha256(head + decoded.pixels.tobytes()).digest(),
        facts=facts,
        size_bytes=size_bytes,
        margins=_margins(grey),
        sharpness=_sharpness(grey),
        constant=bool(decoded.pixels.min() == decoded.pixels.max()),
    )


def _margins(grey: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Shares of the sides without anything that differs from the grey of the corners."""
    corners = grey[:: max(len(grey) - 1, 1), :: max(grey.shape[1] - 1, 1)]
    content = np.abs(grey - np.median(corners)) > _CONTENT
    rows, columns = np.flatnonzero(content.any(1)), np.flatnonzero(content.any(0))
    if not len(rows):
        return (0.5, 0.5, 0.5, 0.5)
    (height, width) = grey.shape
    return (
        float(rows[0] / height),
        float(1 - (rows[-1] + 1) / height),
        float(columns[0] / width),
        float(1 - (columns[-1] + 1) / width),
    )


def _sharpness(grey: NDArray[np.uint8]) -> float:
    values = grey.astype(np.float32)
    steps = sum(float(np.square(np.diff(values, axis=axis)).mean()) for axis in (0, 1) if values.shape[axis] > 1)
    return steps / (float(values.var()) + 1e-6)
