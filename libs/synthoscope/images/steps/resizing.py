"""To the network's square: bilinear, antialiased when shrinking."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthoscope.api.images.v1 import preprocessing_pb2
from synthoscope.images.placement import Picture
from synthoscope.images.steps.step import within
from synthoscope.rpc.errors import InvalidInput

SMALLEST, LARGEST = 8, 1024
"""Side of the square, pixels."""

_Mode = preprocessing_pb2.Resizing.Mode


@dataclass(frozen=True)
class Resizing:
    """Squeezed, or padded with black; `size` is the side in pixels, 0 before the network that decides it is known."""

    kind: ClassVar[str] = "resizing"
    pad: bool = False
    size: int = 0

    @classmethod
    def from_message(cls, message: preprocessing_pb2.Resizing, field: str) -> "Resizing":
        """The step of a message. Raises InvalidInput, naming the field below `field`."""
        if message.mode not in (_Mode.MODE_SQUEEZE, _Mode.MODE_PAD):
            raise InvalidInput(f"{field}.mode", "must be MODE_SQUEEZE or MODE_PAD")
        if message.size:
            within(message.size, SMALLEST, LARGEST, f"{field}.size")
        return cls(message.mode == _Mode.MODE_PAD, message.size)

    def to_message(self) -> preprocessing_pb2.Resizing:
        """The step's message."""
        return preprocessing_pb2.Resizing(mode=_Mode.MODE_PAD if self.pad else _Mode.MODE_SQUEEZE, size=self.size)

    def apply(self, picture: Picture) -> Picture:
        """The picture as a square of `size`. Raises ValueError while the size is not known."""
        if not self.size:
            raise ValueError("the side of the square is not known")
        return padded(picture, self.size) if self.pad else squeezed(picture, self.size)


def squeezed(picture: Picture, size: int) -> Picture:
    """Both sides resized on their own: nothing is cropped, the aspect ratio is not kept."""
    return resized(picture, size, size)


def padded(picture: Picture, size: int) -> Picture:
    """Resized with its aspect ratio kept, centred on black."""
    height, width = picture.pixels.shape[:2]
    longest = max(height, width)
    rows, columns = max(1, round(height * size / longest)), max(1, round(width * size / longest))
    inner = resized(picture, rows, columns)
    if rows == columns:
        return inner
    top, left = (size - rows) // 2, (size - columns) // 2
    square: NDArray[np.uint8] = np.zeros((size, size, 3), np.uint8)
    square[top : top + rows, left : left + columns] = inner.pixels
    return Picture(square, inner.placement.padded(left, top))


def resized(picture: Picture, height: int, width: int) -> Picture:
    """Bilinear, antialiased when shrinking; a picture of that size is left as it is."""
    before = picture.pixels.shape[:2]
    if before == (height, width):
        return picture
    image = Image.fromarray(picture.pixels).resize((width, height), Image.Resampling.BILINEAR)
    return Picture(np.array(image), picture.placement.resized((before[0], before[1]), (height, width)))
