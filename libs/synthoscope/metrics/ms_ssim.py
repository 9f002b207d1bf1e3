"""Structural similarity at several scales at once.

Wang, Simoncelli & Bovik 2003, "Multi-scale structural similarity for image quality assessment"; their reference
implementation is `msssim.m`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.image_sets import image_pairs, with_channels
from synthoscope.metrics.ssim import WINDOW, similarity_and_contrast

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponents of the paper's five scales, from the finest on."""


def scale_weights(side: int) -> tuple[float, ...]:
    """The exponents of as many scales as images with a shorter side of `side` pixels have room for: 1 to 5.

    The window needs 11 pixels at the coarsest scale, so five scales need 176, four 88, three 44, two 22. What remains
    of the exponents is scaled to sum to 1, as the five do. So values of images of one size compare, of two do not.
    Raises ValueError for sides below 11.
    """
    if side < WINDOW:
        raise ValueError(f"images must have sides of at least {WINDOW} pixels, not {side}")
    scales = min(len(WEIGHTS), (side // WINDOW).bit_length())
    return tuple(weight / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales])


def ms_ssim(images_a: NDArray[np.uint8], images_b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of each pair of images, uint8 N×H×W[×C], the similarity over the scales of `scale_weights`; float64 N in [0, 1].

    Where contrasts are opposed at some scale the answer is 0: a power of a negative number is none. Raises ValueError
    for other shapes or dtypes, or for sides below 11.
    """
    weights = scale_weights(min(with_channels(images_a).shape[1:3]))
    values = [_over_scales(a, b, weights) for _, a, b in image_pairs(images_a, images_b)]
    return np.concatenate(values) if values else np.zeros(0)


def _over_scales(a: NDArray[np.float64], b: NDArray[np.float64], weights: Sequence[float]) -> NDArray[np.float64]:
    product = np.ones(len(a))
    for scale, weight in enumerate(weights):
        if scale:
            a, b = _halved(a), _halved(b)
        similarity, contrast = similarity_and_contrast(a, b)
        last = scale == len(weights) - 1  # luminance counts at the coarsest scale alone
        product *= np.maximum(similarity if last else contrast, 0.0) ** weight
    return product


def _halved(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of 2×2 pixels; an odd last row or column is dropped."""
    count, height, width, channels = images.shape
    even = images[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))
