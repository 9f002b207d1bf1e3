"""Keeping or removing colour."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthoscope.api.images.v1 import preprocessing_pb2
from synthoscope.images.placement import Picture
from synthoscope.rpc.errors import InvalidInput

_Mode = preprocessing_pb2.ColorConversion.Mode


@dataclass(frozen=True)
class ColorConversion:
    """To grey in all three channels, or as it is."""

    kind: ClassVar[str] = "color"
    grey: bool

    @classmethod
    def from_message(cls, message: preprocessing_pb2.ColorConversion, field: str) -> "ColorConversion":
        """The step of a message. Raises InvalidInput, naming the field below `field`."""
        if message.mode not in (_Mode.MODE_RGB, _Mode.MODE_GREY):
            raise InvalidInput(f"{field}.mode", "must be MODE_RGB or MODE_GREY")
        return cls(message.mode == _Mode.MODE_GREY)

    def to_message(self) -> preprocessing_pb2.ColorConversion:
        """The step's message."""
        return preprocessing_pb2.ColorConversion(mode=_Mode.MODE_GREY if self.grey else _Mode.MODE_RGB)

    def apply(self, picture: Picture) -> Picture:
        """The picture in grey, or as it is."""
        return picture.with_pixels(in_three(luminance(picture.pixels))) if self.grey else picture


def luminance(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luminance (ITU-R BT.601), uint8 H×W, of RGB, uint8 H×W×3; of grey the grey itself."""
    return np.asarray(Image.fromarray(pixels).convert("L"))


def in_three(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey, uint8 H×W, in three equal channels, uint8 H×W×3."""
    return np.repeat(grey[:, :, None], 3, axis=2)


def is_grey(pixels: NDArray[np.uint8]) -> bool:
    """Whether the three channels, uint8 H×W×3, are equal everywhere."""
    first = pixels[:, :, 0]
    return np.array_equal(first, pixels[:, :, 1]) and np.array_equal(first, pixels[:, :, 2])
