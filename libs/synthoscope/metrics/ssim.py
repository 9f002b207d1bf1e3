"""Structural similarity: luminance, contrast and structure of two images, compared in a window that slides over both.

Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity"; their reference
implementation is `ssim_index.m`. Gaussian window of 11 pixels and deviation 1.5, only where it lies wholly within.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.image_sets import image_pairs

WINDOW = 11
"""Side of the window, pixels; no image may be smaller."""

_DEVIATION = 1.5
_LUMINANCE, _CONTRAST = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2  # C₁ and C₂: keep quotients of small numbers calm


def ssim(images_a: NDArray[np.uint8], images_b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of each pair of images, uint8 N×H×W[×C], H and W at least 11, the mean over pixels and channels; float64 N in
    [-1, 1], 1 where they agree.

    Raises ValueError for other shapes or dtypes.
    """
    similarities = [similarity_and_contrast(a, b)[0] for _, a, b in image_pairs(images_a, images_b)]
    return np.concatenate(similarities) if similarities else np.zeros(0)


def similarity_and_contrast(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each pair of N×H×W×C in [0, 255], its SSIM, and the same without the term of luminance; float64 N each."""
    if min(a.shape[1:3]) < WINDOW:
        raise ValueError(f"images must have sides of at least {WINDOW} pixels, not {a.shape[1]}×{a.shape[2]}")
    a, b = np.moveaxis(a, 3, 1), np.moveaxis(b, 3, 1)
    mean_a, mean_b = _local_means(a), _local_means(b)
    square_a, square_b, product = mean_a * mean_a, mean_b * mean_b, mean_a * mean_b
    variances = _local_means(a * a + b * b) - square_a - square_b
    covariance = _local_means(a * b) - product
    contrast = (2.0 * covariance + _CONTRAST) / (variances + _CONTRAST)
    luminance = (2.0 * product + _LUMINANCE) / (square_a + square_b + _LUMINANCE)
    axes = (1, 2, 3)
    return (luminance * contrast).mean(axis=axes), contrast.mean(axis=axes)


def _local_means(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The window's weighted mean at every place, ...×(H-10)×(W-10): two products with band matrices, one per axis."""
    height, width = planes.shape[-2:]
    return _band(height) @ planes @ _band(width).T


@cache
def _band(side: int) -> NDArray[np.float64]:
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / _DEVIATION) ** 2)
    weights /= weights.sum()
    band = np.zeros((side - WINDOW + 1, side))
    for row in range(len(band)):
        band[row, row : row + WINDOW] = weights
    return band
