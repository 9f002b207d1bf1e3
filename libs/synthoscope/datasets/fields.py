"""Smooth random fields and blurring, by Fourier transform: fields are float32, size × size, and wrap around."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Random = np.random.Generator


def smooth_noise(random: Random, size: int, width: float) -> Field:
    """White noise blurred with a Gaussian of `width` pixels, then scaled to mean 0 and standard deviation 1."""
    shape = size, size // 2 + 1
    spectrum = random.standard_normal(shape, np.float32) + 1j * random.standard_normal(shape, np.float32)
    transfer = _transfer(size, round(width, 3)).copy()
    transfer[0, 0] = 0.0
    field = np.fft.irfft2(spectrum * transfer, (size, size))
    return np.asarray(field / field.std(), np.float32)


def blur(field: Field, width: float) -> Field:
    """The field blurred with a Gaussian of `width` pixels."""
    size = len(field)
    return np.asarray(np.fft.irfft2(np.fft.rfft2(field) * _transfer(size, round(width, 3)), (size, size)), np.float32)


def grow(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """The mask with every pixel that is at most `pixels` steps (up, down, left, right) away from it."""
    for _ in range(pixels):
        grown = mask.copy()
        grown[1:] |= mask[:-1]
        grown[:-1] |= mask[1:]
        grown[:, 1:] |= mask[:, :-1]
        grown[:, :-1] |= mask[:, 1:]
        mask = grown
    return mask


@lru_cache(maxsize=64)
def _transfer(size: int, width: float) -> Field:
    """What a Gaussian of `width` pixels does to each frequency of a real size × size field."""
    down, right = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    return np.exp(-2 * (np.pi * width) ** 2 * (down**2 + right**2)).astype(np.float32)
