"""Spreading or evening out the grey values."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.images.v1 import preprocessing_pb2
from synthoscope.images.placement import Picture
from synthoscope.images.steps.color_conversion import in_three, is_grey, luminance
from synthoscope.images.steps.step import unset, within
from synthoscope.rpc.errors import InvalidInput

_Message = preprocessing_pb2.ContrastAdjustment
_STRETCH, _CLAHE = _Message.METHOD_PERCENTILE_STRETCH, _Message.METHOD_CLAHE


@dataclass(frozen=True)
class PercentileStretch:
    """The grey values between two percentiles (0 to 100) spread over 0 to 255."""

    kind: ClassVar[str] = "contrast"
    low: float = 0.0
    high: float = 100.0

    def to_message(self) -> _Message:
        """The step's message."""
        return _Message(method=_STRETCH, low_percentile=self.low, high_percentile=self.high)

    def apply(self, picture: Picture) -> Picture:
        """The picture with its values spread."""
        return picture.with_pixels(stretched(picture.pixels, self.low, self.high))


@dataclass(frozen=True)
class Clahe:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) in `tiles` × `tiles` tiles."""

    kind: ClassVar[str] = "contrast"
    clip_limit: float = 2.0
    tiles: int = 8

    def to_message(self) -> _Message:
        """The step's message."""
        return _Message(method=_CLAHE, clip_limit=self.clip_limit, tiles=self.tiles)

    def apply(self, picture: Picture) -> Picture:
        """The picture with its values evened out."""
        return picture.with_pixels(equalized(picture.pixels, self.clip_limit, self.tiles))


def from_message(message: _Message, field: str) -> PercentileStretch | Clahe:
    """The step of a message. Raises InvalidInput, naming the field below `field`."""
    if message.method == _STRETCH:
        unset(message.clip_limit, f"{field}.clip_limit", "METHOD_CLAHE")
        unset(message.tiles, f"{field}.tiles", "METHOD_CLAHE")
        high = message.high_percentile or 100.0
        within(message.low_percentile, 0, 49, f"{field}.low_percentile")
        within(high, 51, 100, f"{field}.high_percentile", default=100)
        return PercentileStretch(message.low_percentile, high)
    if message.method == _CLAHE:
        unset(message.low_percentile, f"{field}.low_percentile", "METHOD_PERCENTILE_STRETCH")
        unset(message.high_percentile, f"{field}.high_percentile", "METHOD_PERCENTILE_STRETCH")
        clahe = Clahe(message.clip_limit or 2.0, message.tiles or 8)
        within(clahe.clip_limit, 1, 40, f"{field}.clip_limit", default=2)
        within(clahe.tiles, 1, 32, f"{field}.tiles", default=8)
        return clahe
    raise InvalidInput(f"{field}.method", "must be METHOD_PERCENTILE_STRETCH or METHOD_CLAHE")


def stretched(pixels: NDArray[np.uint8], low: float, high: float) -> NDArray[np.uint8]:
    """Values linear from 0 at the luminance's percentile `low` to 255 at `high`; uint8 H×W×3.

    All channels get the same change. Left as it is when both percentiles are one grey value.
    """
    counts = np.bincount(luminance(pixels).ravel(), minlength=256).cumsum()
    bottom, top = (int(np.searchsorted(counts, max(1.0, share / 100 * counts[-1]))) for share in (low, high))
    if bottom == top:
        return pixels
    levels = (np.arange(256) - bottom) * (255.0 / (top - bottom))
    return np.rint(levels.clip(0, 255)).astype(np.uint8)[pixels]


def equalized(pixels: NDArray[np.uint8], clip_limit: float, tiles: int) -> NDArray[np.uint8]:
    """CLAHE of the luminance, colour differences kept; uint8 H×W×3. There are no more tiles than pixels on a side."""
    import cv2

    rows, columns = (min(tiles, side) for side in pixels.shape[:2])
    clahe = cv2.createCLAHE(clipLimit=clip_limit, tileGridSize=(columns, rows))
    if is_grey(pixels):
        return in_three(np.asarray(clahe.apply(np.ascontiguousarray(pixels[:, :, 0])), np.uint8))
    parts = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
    parts[:, :, 0] = clahe.apply(np.ascontiguousarray(parts[:, :, 0]))
    return np.asarray(cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB), np.uint8)
