"""Removing noise."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.images.v1 import preprocessing_pb2
from synthoscope.images.placement import Picture
from synthoscope.images.steps.color_conversion import in_three, is_grey, luminance
from synthoscope.images.steps.step import unset, within
from synthoscope.rpc.errors import InvalidInput

SEARCH = 21
"""Side of the window in which non-local means looks for like patches, pixels, as in the paper."""

_Method = preprocessing_pb2.Denoising.Method


@dataclass(frozen=True)
class Denoising:
    """The median of a square of `size` pixels; or non-local means with patches of that size.

    `noise` is the standard deviation of what non-local means is to remove, in grey levels; 0: estimated from the image.
    """

    kind: ClassVar[str] = "denoising"
    non_local: bool
    size: int = 3
    noise: float = 0.0

    @classmethod
    def from_message(cls, message: preprocessing_pb2.Denoising, field: str) -> "Denoising":
        """The step of a message. Raises InvalidInput, naming the field below `field`."""
        if message.method not in (_Method.METHOD_MEDIAN, _Method.METHOD_NON_LOCAL_MEANS):
            raise InvalidInput(f"{field}.method", "must be METHOD_MEDIAN or METHOD_NON_LOCAL_MEANS")
        size = message.size or 3
        if size % 2 == 0:
            raise InvalidInput(f"{field}.size", "must be odd")
        within(size, 3, 15, f"{field}.size", default=3)
        non_local = message.method == _Method.METHOD_NON_LOCAL_MEANS
        if not non_local:
            unset(message.noise, f"{field}.noise", "METHOD_NON_LOCAL_MEANS")
        elif message.noise:
            within(message.noise, 1, 64, f"{field}.noise")
        return cls(non_local, size, message.noise)

    def to_message(self) -> preprocessing_pb2.Denoising:
        """The step's message."""
        method = _Method.METHOD_NON_LOCAL_MEANS if self.non_local else _Method.METHOD_MEDIAN
        return preprocessing_pb2.Denoising(method=method, size=self.size, noise=self.noise)

    def apply(self, picture: Picture) -> Picture:
        """The picture with less noise."""
        pixels = picture.pixels
        return picture.with_pixels(
            non_local_means(pixels, self.size, self.noise) if self.non_local else median(pixels, self.size)
        )


def median(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The median of every pixel's square of `size`, channel by channel; the border is repeated. uint8 H×W×3."""
    import cv2

    return np.asarray(cv2.medianBlur(pixels, size), np.uint8)


def non_local_means(pixels: NDArray[np.uint8], patch: int, noise: float) -> NDArray[np.uint8]:
    """Means of the pixels whose surroundings are alike (Buades, Coll, Morel 2005); uint8 H×W×3.

    `noise` is its standard deviation in grey levels; 0: estimated. Below half a grey level nothing is done.
    """
    import cv2

    grey = luminance(pixels)
    noise = noise or estimated_noise(grey)
    if noise < 0.5:
        return pixels
    # OpenCV's strength is how much patches may differ; as much as the noise left the least error for 3 to 7 pixels.
    if is_grey(pixels):
        return in_three(np.asarray(cv2.fastNlMeansDenoising(grey, None, noise, patch, SEARCH), np.uint8))
    return np.asarray(cv2.fastNlMeansDenoising(pixels, None, noise, patch, SEARCH), np.uint8)


def estimated_noise(grey: NDArray[np.uint8]) -> float:
    """The noise's standard deviation, in [0, 64] grey levels, of uint8 H×W (Immerkær 1996): 0 below 3×3 pixels.

    The mean response to a kernel that sees neither flat areas nor slopes; edges make it a little too large.
    """
    import cv2

    height, width = grey.shape
    if height < 3 or width < 3:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel)[1:-1, 1:-1])
    return min(64.0, math.sqrt(math.pi / 2) / 6 * float(response.mean(dtype=np.float64)))
