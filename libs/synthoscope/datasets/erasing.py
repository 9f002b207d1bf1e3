"""Erasing a lesion: the same slice as it might have been without it."""

import numpy as np
from numpy.typing import NDArray

from synthoscope.datasets.fields import Field, blur

_WIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_SWEEPS = 60
_DIRECTIONS = 16


def erase_lesion(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The image (uint8, size × size) with what is under `mask` (bool) filled from its surroundings.

    The fill is the smoothest surface that meets the pixels around the mask (Laplace's equation); over it lies the grain
    of a place nearby that is about as bright. Pixels outside the mask stay as they are.
    """
    if not mask.any():
        return image.copy()
    pixels = image.astype(np.float32)
    smooth = _fill(pixels, mask)
    filled = pixels.copy()
    filled[mask] = (smooth + _grain(pixels, smooth, mask))[mask]
    return np.round(np.clip(filled, 0, 255)).astype(np.uint8)


def _fill(image: Field, mask: NDArray[np.bool_]) -> Field:
    """Solves Laplace's equation under the mask: coarse averages first, then sweeps that let them settle."""
    known = (~mask).astype(np.float32)
    filled, left = image * known, mask.copy()
    for width in _WIDTHS:
        weight = blur(known, width)
        reached = left & (weight > 0.05)
        filled[reached] = (blur(image * known, width) / np.maximum(weight, 1e-6))[reached]
        left &= ~reached
    for _ in range(_SWEEPS):
        padded = np.pad(filled, 1, mode="edge")
        mean = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
        filled[mask] = mean[mask]
    return filled


def _grain(image: Field, smooth: Field, mask: NDArray[np.bool_]) -> Field:
    """The image without its shading, moved from where that fits best: alike in shading, with little of the mask."""
    shading = blur(smooth, 2.0)
    grain = np.where(mask, 0.0, image - shading).astype(np.float32)
    rows, columns = np.nonzero(mask)
    reach = 1 + max(int(np.ptp(rows)), int(np.ptp(columns)))
    best, least = grain, np.inf
    for angle in np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS):
        shift = round(reach * np.sin(angle)), round(reach * np.cos(angle))
        moved = np.roll(shading, shift, (0, 1))
        cost = float(np.abs(moved - shading)[mask].mean() + 255 * np.roll(mask, shift, (0, 1))[mask].mean())
        if cost < least:
            best, least = np.roll(grain, shift, (0, 1)), cost
    return best
