"""What every metric of pixels asks of images: uint8, grey N×H×W or with channels N×H×W×C, all of one size."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_PIXELS_AT_ONCE = 1 << 20


def with_channels(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images as N×H×W×C, C = 1 for grey ones. Raises ValueError for other shapes or dtypes."""
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(f"images must be uint8 N×H×W or N×H×W×C, not {images.dtype} {images.shape}")
    return images if images.ndim == 4 else images[..., None]


def image_pairs(
    images_a: NDArray[np.uint8], images_b: NDArray[np.uint8]
) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64]]]:
    """Both sets, a few images at a time, so that their float64 copies stay small: which, and n×H×W×C of each set.

    Raises ValueError unless they have one shape.
    """
    a, b = with_channels(images_a), with_channels(images_b)
    if a.shape != b.shape:
        raise ValueError(f"images must be pairs of one shape, not {a.shape} and {b.shape}")
    step = max(1, _PIXELS_AT_ONCE // max(1, a[0].size)) if len(a) else 1
    for start in range(0, len(a), step):
        rows = slice(start, start + step)
        yield rows, a[rows].astype(np.float64), b[rows].astype(np.float64)


def grey(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images, uint8 N×H×W[×C], as uint8 N×H×W: their channels' means, rounded; of one channel, the channel itself."""
    images = with_channels(images)
    if images.shape[3] == 1:
        return images[..., 0]
    channels = images.shape[3]
    mean_of_sum = np.rint(np.arange(255 * channels + 1) / channels).astype(np.uint8)
    means = np.empty(images.shape[:3], np.uint8)
    for image, mean in zip(images, means, strict=True):
        total = image[..., 0].astype(np.uint16)
        for channel in range(1, channels):
            total += image[..., channel]
        mean[...] = mean_of_sum[total]
    return means
