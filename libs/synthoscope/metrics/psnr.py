"""Peak signal-to-noise ratio between images of 8 bits.

Huynh-Thu & Ghanbari 2008, "Scope of validity of PSNR in image/video quality assessment", say what it is good for;
agrees with scikit-image's `peak_signal_noise_ratio`.
"""

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.mse import mse


def psnr(images_a: NDArray[np.uint8], images_b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of each pair of images, uint8 N×H×W[×C], 10·log₁₀(255² / MSE); float64 N in decibels, infinite where they agree.

    Raises ValueError for other shapes or dtypes.
    """
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(255.0**2 / mse(images_a, images_b))
