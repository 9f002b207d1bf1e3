"""Peak signal-to-noise ratio between images of 8 bits."""

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.mse import mse


def psnr(images_a: NDArray[np.uint8], images_b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of each pair of images, uint8 N×H×W[×C], 10·log₁₀(255² / MSE); float64 N in decibels, infinite where they agree.

    Raises ValueError for other shapes or dtypes.
    """
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(255.0**2 / mse(images_a, images_b))
