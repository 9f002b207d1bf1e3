"""The eight ways in which a square can be turned and mirrored, on pixels and on cosine coefficients."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Symmetry:
    """First rows and columns are exchanged, or not, then left and right, then top and bottom."""

    transpose: bool = False
    mirror: bool = False
    flip: bool = False

    def of_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pictures (…, rows, columns) after it; a view."""
        turned = pixels.swapaxes(-1, -2) if self.transpose else pixels
        return turned[..., :: -1 if self.flip else 1, :: -1 if self.mirror else 1]

    def of_coefficients(self, coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
        """What becomes of the cosine coefficients (…, rows, columns): the odd ones of a mirrored axis change sign."""
        turned = (coefficients.swapaxes(-1, -2) if self.transpose else coefficients).copy()
        if self.mirror:
            turned[..., :, 1::2] *= -1
        if self.flip:
            turned[..., 1::2, :] *= -1
        return turned


SYMMETRIES: Mapping[str, Symmetry] = {
    "none": Symmetry(),
    "mirror": Symmetry(mirror=True),
    "flip": Symmetry(flip=True),
    "turn-180": Symmetry(mirror=True, flip=True),
    "transpose": Symmetry(transpose=True),
    "turn-90": Symmetry(transpose=True, flip=True),
    "turn-270": Symmetry(transpose=True, mirror=True),
    "transverse": Symmetry(transpose=True, mirror=True, flip=True),
}
"""By the names of DuplicatePair.transform."""

_INVERSE = {"turn-90": "turn-270", "turn-270": "turn-90"}


def inverse(transform: str) -> str:
    """The transform that undoes one."""
    return _INVERSE.get(transform, transform)


def kind(transform: str) -> str:
    """What DuplicatePair calls two pictures that are the same, but not pixel by pixel, after a transform."""
    if transform == "none":
        return "near"
    return "turned" if transform.startswith("turn") else "mirrored"
