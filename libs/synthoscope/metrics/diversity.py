"""How alike the images of one set are: the mean MS-SSIM of random pairs.

Odena, Olah & Shlens 2017, "Conditional image synthesis with auxiliary classifier GANs", section 4.2. A generator that
collapsed gives pairs far more alike than pairs of real images of the class are; so compare with those, at one size.
"""

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.image_sets import with_channels
from synthoscope.metrics.ms_ssim import ms_ssim


def pair_similarity(images: NDArray[np.uint8], pairs: int = 500, seed: int = 0) -> float:
    """The mean MS-SSIM of `pairs` random pairs of two different ones of images uint8 N×H×W[×C], N ≥ 2; in [0, 1].

    Low is diverse. Raises ValueError for other shapes, dtypes or counts.
    """
    images = with_channels(images)
    if len(images) < 2 or pairs < 1:
        raise ValueError(f"images must be at least 2 and pairs at least 1, not {len(images)} and {pairs}")
    random = np.random.default_rng(seed)
    first = random.integers(len(images), size=pairs)
    second = (first + random.integers(1, len(images), size=pairs)) % len(images)
    return float(ms_ssim(images[first], images[second]).mean())
