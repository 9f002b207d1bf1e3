"""Mean squared error between images, pixel by pixel; agrees with scikit-image's `mean_squared_error`."""

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.image_sets import image_pairs


def mse(images_a: NDArray[np.uint8], images_b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of each pair of images, uint8 N×H×W[×C], the mean of squared differences; float64 N in [0, 255²], grey levels².

    Raises ValueError for other shapes or dtypes.
    """
    errors = [((a - b) ** 2).mean(axis=(1, 2, 3)) for _, a, b in image_pairs(images_a, images_b)]
    return np.concatenate(errors) if errors else np.zeros(0)
