"""Cutting away what surrounds the content."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.images.v1 import preprocessing_pb2
from synthoscope.images.placement import Picture
from synthoscope.images.steps.color_conversion import luminance
from synthoscope.images.steps.step import within

DARK, WHITE = 64, 192
"""A background is at most the first or at least the second, in grey levels; between them it is tissue."""

MOST_MARGINS = 4
"""Margins within each other, such as a white frame around a black one."""

_SMOOTHING = 5  # pixels: removes noise, and lines of up to two pixels


@dataclass(frozen=True)
class Box:
    """Columns [left, right) and rows [top, bottom), pixels."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class MarginRemoval:
    """Crops to the content: `threshold` in grey levels, `smallest_region` as a share of the picture."""

    kind: ClassVar[str] = "margin_removal"
    threshold: int = 20
    smallest_region: float = 0.01

    @classmethod
    def from_message(cls, message: preprocessing_pb2.MarginRemoval, field: str) -> "MarginRemoval":
        """The step of a message. Raises InvalidInput, naming the field below `field`."""
        step = cls(message.threshold or 20, message.smallest_region or 0.01)
        within(step.threshold, 1, 254, f"{field}.threshold", default=20)
        within(step.smallest_region, 0, 0.5, f"{field}.smallest_region", default=0.01)
        return step

    def to_message(self) -> preprocessing_pb2.MarginRemoval:
        """The step's message."""
        return preprocessing_pb2.MarginRemoval(threshold=self.threshold, smallest_region=self.smallest_region)

    def apply(self, picture: Picture) -> Picture:
        """The picture's content; where there is none, the whole picture."""
        box = content(picture.pixels, self.threshold, self.smallest_region)
        return Picture(
            np.ascontiguousarray(picture.pixels[box.top : box.bottom, box.left : box.right]),
            picture.placement.cropped(box.left, box.top, box.right, box.bottom),
        )


def content(pixels: NDArray[np.uint8], threshold: int, smallest_region: float) -> Box:
    """Where the content of a picture, uint8 H×W×3, lies; all of it when there is no margin, or nothing else.

    The background is what most of the outermost pixels are, if that is dark or white. Content is what differs from it
    by `threshold` grey levels, smoothed, and hangs together over `smallest_region` of the picture. What is found is
    looked at again, since margins may lie within each other.
    """
    import cv2

    grey = np.asarray(cv2.medianBlur(luminance(pixels), _SMOOTHING), np.uint8)
    box = Box(0, 0, grey.shape[1], grey.shape[0])
    for _ in range(MOST_MARGINS):
        inner = _without_margin(grey[box.top : box.bottom, box.left : box.right], threshold, smallest_region)
        found = Box(box.left + inner.left, box.top + inner.top, box.left + inner.right, box.top + inner.bottom)
        if found == box:
            break
        box = found
    return box


def _without_margin(grey: NDArray[np.uint8], threshold: int, smallest_region: float) -> Box:
    import cv2

    whole = Box(0, 0, grey.shape[1], grey.shape[0])
    background = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    if DARK < background < WHITE:
        return whole
    differs = (np.abs(grey - np.float32(background)) >= threshold).astype(np.uint8)
    _, _, regions, _ = cv2.connectedComponentsWithStats(differs, connectivity=8)
    regions = regions[1:]  # the first one is the background
    large = regions[regions[:, cv2.CC_STAT_AREA] >= smallest_region * grey.size]
    if not len(large):
        return whole
    left, top = large[:, cv2.CC_STAT_LEFT], large[:, cv2.CC_STAT_TOP]
    right, bottom = left + large[:, cv2.CC_STAT_WIDTH], top + large[:, cv2.CC_STAT_HEIGHT]
    return Box(int(left.min()), int(top.min()), int(right.max()), int(bottom.max()))
