"""PSNR, SSIM and MSE of generated images against the real ones that are most like them.

Papers on medical GANs give such numbers as the quality of their images. They are no such thing: a generated image has
no original to be true to, so what is measured is how near it lies to some real image. The higher, the more like a copy;
a generator that repeats its training images scores best. What they can tell is whether generated images are as near to
the training set as real images of other patients are; so measure held-out real images in the same way, and read the
one beside the other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.image_sets import with_channels
from synthoscope.metrics.mse import mse
from synthoscope.metrics.nearest import nearest
from synthoscope.metrics.psnr import psnr
from synthoscope.metrics.ssim import ssim

MOST_DECIBELS = 100.0
"""PSNR at which means are taken for identical images, whose own is infinite. One grey level in one pixel of a megapixel
is 108."""

_REDUCED = 32  # side, pixels, at which the nearest image is looked for


@dataclass(frozen=True)
class Nearness:
    """Means over images, each against its nearest real one: decibels, [-1, 1], and squared grey levels."""

    psnr: float
    ssim: float
    mse: float


def nearest_real(images: NDArray[np.uint8], real: NDArray[np.uint8]) -> Nearness:
    """Of images uint8 N×H×W[×C] (N ≥ 1) against real ones M×H×W[×C] (M ≥ 1), sides at least 11 pixels.

    The nearest one is that of least squared error after both are averaged down to grey images of at most 32×32 pixels;
    the numbers are of the pairs at full size. Raises ValueError for other shapes or dtypes.
    """
    images, real = with_channels(images), with_channels(real)
    if not len(images) or not len(real) or images.shape[1:] != real.shape[1:]:
        raise ValueError(f"images must be at least one, of the real ones' size: {images.shape} and {real.shape}")
    indices, _ = nearest(reduced(images), reduced(real))
    neighbours = real[indices]
    return Nearness(
        psnr=float(np.minimum(psnr(images, neighbours), MOST_DECIBELS).mean()),
        ssim=float(ssim(images, neighbours).mean()),
        mse=float(mse(images, neighbours).mean()),
    )


def reduced(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Images uint8 N×H×W[×C] as float64 N×(≤ 1024): means over channels and over equal blocks of pixels.

    Rows and columns that fill no whole block, fewer than one in 32, are left out.
    """
    images = with_channels(images)
    count, height, width, channels = images.shape
    high, wide = max(1, height // _REDUCED), max(1, width // _REDUCED)
    rows, columns = height // high, width // wide
    blocks = images[:, : rows * high, : columns * wide].reshape(count, rows, high, columns, wide, channels)
    return blocks.mean(axis=(2, 4, 5), dtype=np.float64).reshape(count, rows * columns)
