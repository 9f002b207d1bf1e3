"""Where the pixels of a preprocessed picture lie in its original: crop, scale and padding in one value.

Points are (x, y) in pixels; the centre of the first pixel is 0. Inside, lengths are counted from the picture's edge,
half a pixel further out: there a crop and a padding are a shift, and resizing is a factor.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One axis: a length from the output's edge is `offset + scale * length` from the original's.

    Of the original, what lies between `low` and `high` can be seen in the output.
    """

    low: float
    high: float
    scale: float = 1.0
    offset: float = 0.0

    def cropped(self, first: int, end: int) -> "Axis":
        """After only the pixels [first, end) were kept."""
        start, stop = self._edge(first), self._edge(end)
        return replace(self, low=max(self.low, start), high=min(self.high, stop), offset=start)

    def resized(self, before: int, after: int) -> "Axis":
        """After `before` pixels became `after`."""
        return replace(self, scale=self.scale * before / after)

    def padded(self, pixels: int) -> "Axis":
        """After pixels were put in front."""
        return replace(self, offset=self._edge(-pixels))

    def to_original(self, at: Points) -> Points:
        """Positions in the original of positions in the output."""
        return self.offset + self.scale * (at + 0.5) - 0.5

    def to_output(self, at: Points) -> Points:
        """Positions in the output of positions in the original."""
        return (at + 0.5 - self.offset) / self.scale - 0.5

    def shows(self, at: Points) -> NDArray[np.bool_]:
        """Whether positions in the original can be seen in the output."""
        return (at + 0.5 > self.low) & (at + 0.5 < self.high)

    def _edge(self, pixels: int) -> float:
        return self.offset + self.scale * pixels


@dataclass(frozen=True)
class Placement:
    """Where an output lies in its original, axis by axis."""

    x: Axis
    y: Axis

    @classmethod
    def whole(cls, height: int, width: int) -> "Placement":
        """Of an original with nothing done to it, in pixels."""
        return cls(Axis(0, width), Axis(0, height))

    def cropped(self, left: int, top: int, right: int, bottom: int) -> "Placement":
        """After only columns [left, right) and rows [top, bottom) were kept."""
        return Placement(self.x.cropped(left, right), self.y.cropped(top, bottom))

    def resized(self, before: tuple[int, int], after: tuple[int, int]) -> "Placement":
        """After the size, height and width in pixels, changed."""
        return Placement(self.x.resized(before[1], after[1]), self.y.resized(before[0], after[0]))

    def padded(self, left: int, top: int) -> "Placement":
        """After columns and rows were put in front."""
        return Placement(self.x.padded(left), self.y.padded(top))

    def to_original(self, points: Points) -> Points:
        """Where points of the output, N×2, lie in the original, N×2."""
        return np.stack([self.x.to_original(points[:, 0]), self.y.to_original(points[:, 1])], axis=1)

    def to_output(self, points: Points) -> Points:
        """Where points of the original, N×2, lie in the output, N×2; also those that cannot be seen there."""
        return np.stack([self.x.to_output(points[:, 0]), self.y.to_output(points[:, 1])], axis=1)


@dataclass(frozen=True)
class Picture:
    """A picture on its way through the steps: pixels, uint8 H×W×3, and where they lie in the original."""

    pixels: NDArray[np.uint8]
    placement: Placement

    @classmethod
    def original(cls, pixels: NDArray[np.uint8]) -> "Picture":
        """A picture to which nothing was done."""
        return cls(pixels, Placement.whole(pixels.shape[0], pixels.shape[1]))

    def with_pixels(self, pixels: NDArray[np.uint8]) -> "Picture":
        """Other values at the same places."""
        return replace(self, pixels=pixels)
