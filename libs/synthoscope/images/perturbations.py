"""Changes of images that a classifier meets in practice, each at five strengths.

After Hendrycks & Dietterich 2019, with strengths of our own for small grey images: the third is what a careful eye
notices at once.
"""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

CHANGES: Mapping[str, Sequence[float]] = {
    "brightness": (1.1, 1.2, 1.35, 1.5, 1.75),
    "contrast": (0.9, 0.75, 0.6, 0.45, 0.3),
    "noise": (4.0, 8.0, 14.0, 22.0, 34.0),
    "blur": (0.008, 0.012, 0.016, 0.022, 0.03),
    "resolution": (0.75, 0.5, 0.35, 0.25, 0.18),
    "jpeg": (70.0, 40.0, 20.0, 10.0, 5.0),
}
"""Parameters of strengths 1 to 5: factor of brightness; of contrast about the image's mean; standard deviation of noise
in grey levels; of the blur as a share of the side; share of the side scaled down to and up again; JPEG's quality."""

STRENGTHS = range(1, 6)


def perturb(images: NDArray[np.uint8], change: str, strength: int, seed: int = 0) -> NDArray[np.uint8]:
    """The images, uint8 N×H×W×3 in RGB, changed; noise depends on the seed and an image's place.

    Raises KeyError for a change that is none, ValueError for a strength outside [1, 5].
    """
    if strength not in STRENGTHS:
        raise ValueError(f"strength must be in [1, 5], not {strength}")
    parameter, apply = CHANGES[change][strength - 1], _APPLY[change]
    changed = np.empty(images.shape, np.uint8)
    for index, image in enumerate(images):
        changed[index] = apply(image, parameter, (seed, index))
    return changed


def _brightness(image: Image, factor: float, seed: tuple[int, int]) -> Image:
    return _rounded(image * np.float32(factor))


def _contrast(image: Image, factor: float, seed: tuple[int, int]) -> Image:
    mean = image.mean(dtype=np.float32)
    return _rounded((image - mean) * np.float32(factor) + mean)


def _noise(image: Image, deviation: float, seed: tuple[int, int]) -> Image:
    # The same in all channels, as a grey picture's noise is.
    noise = np.random.default_rng(seed).normal(0, deviation, image.shape[:2]).astype(np.float32)
    return _rounded(image + noise[:, :, None])


def _blur(image: Image, share: float, seed: tuple[int, int]) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), share * max(image.shape[:2])), np.uint8)


def _resolution(image: Image, share: float, seed: tuple[int, int]) -> Image:
    height, width = image.shape[:2]
    small = (max(1, round(width * share)), max(1, round(height * share)))
    down = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(down, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _jpeg(image: Image, quality: float, seed: tuple[int, int]) -> Image:
    # OpenCV takes channels for blue, green, red; JPEG stores their brightness more exactly than their colour.
    blue_first = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", blue_first, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _rounded(values: NDArray[np.float32]) -> Image:
    return values.round().clip(0, 255).astype(np.uint8)


_APPLY: Mapping[str, Callable[[Image, float, tuple[int, int]], Image]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "noise": _noise,
    "blur": _blur,
    "resolution": _resolution,
    "jpeg": _jpeg,
}
