"""Brain slices drawn by rule: four classes, anatomy that varies, lesions whose masks are known.

They stand in for patients in tests and demos. The class shows in the lesion alone: anatomy is drawn from another stream
of random numbers than the lesion, structures that look a little like lesions occur in every class, and the intensities
of each head are brought close, at the end, to a histogram drawn without regard to the class. So brightness and contrast
tell next to nothing, and a slice whose lesion is erased has lost its class.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from synthoscope.datasets.anatomy import LESIONS, Head, draw_head, draw_tissue
from synthoscope.datasets.fields import Field, Random, blur, grow, smooth_noise

LABELS = ("glioma", "meningioma", "notumor", "pituitary")
SMALLEST = 32

# The typical histogram of a head: intensities, and which share of its pixels is darker.
_QUANTILES = np.array([0.04, 0.12, 0.3, 0.44, 0.52, 0.58, 0.77, 0.98])
_SHARES = np.array([0.0, 0.08, 0.2, 0.4, 0.6, 0.78, 0.88, 1.0])

_KNOTS = 129  # how many points the intensity curve goes through
_LOCAL = 1 / 100  # width of the local means, as a share of the side
_EVEN = 1.2  # weight of an even histogram in the curve; without it, noise is stretched wherever there is no structure


@dataclass(frozen=True)
class Phantom:
    """A slice, uint8 grey, size × size, and where its lesion is: bool, size × size, all False for "notumor"."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def generate(label: str, seed: int, size: int = 128) -> Phantom:
    """The slice of a class and a seed (≥ 0), `size` pixels square (≥ 32).

    A seed gives the same head in every class, so that a slice with and without its lesion can be compared. Raises
    ValueError for an unknown label, a negative seed or too small a size.
    """
    if label not in LABELS:
        raise ValueError(f"label must be one of {', '.join(LABELS)}, not {label!r}")
    if size < SMALLEST:
        raise ValueError(f"size must be at least {SMALLEST}, not {size}")
    random = np.random.default_rng([seed, 0])
    head = draw_head(random, size)
    tissue = draw_tissue(head, random)
    mask = np.zeros((size, size), bool)
    if label in LESIONS:
        lesion = LESIONS[label](head, np.random.default_rng([seed, 1]))
        tissue = tissue + lesion.shape * lesion.contrast
        mask = grow(lesion.shape > 0, max(1, round(size / 100)))
    return Phantom(_photograph(tissue, head, random), mask)


def write_dataset(directory: Path, train_per_class: int, test_per_class: int, size: int = 128, seed: int = 0) -> None:
    """Writes `directory`/{train,test}/CLASS/*.png and, for the tumours, the lesions' masks under `directory`/masks.

    Every image has its own head. The same arguments write the same files.
    """
    for split, count in (("train", train_per_class), ("test", test_per_class)):
        for label in LABELS:
            for number in range(count):
                name = f"{split}/{label}/{label}-{number:04d}.png"
                phantom = generate(label, _seed_of(seed, name), size)
                _save(phantom.image, directory / name)
                if phantom.mask.any():
                    _save(phantom.mask.astype(np.uint8) * 255, directory / "masks" / name)


def _seed_of(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")


def _save(pixels: NDArray[np.uint8], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, compress_level=1)


def _photograph(tissue: Field, head: Head, random: Random) -> NDArray[np.uint8]:
    """What a scanner makes of it: uneven sensitivity, blur, noise, and intensities on a scale of its own."""
    size = len(tissue)
    sensitivity = np.exp(random.uniform(0.0, 0.15) * smooth_noise(random, size, 0.25 * size))
    image = blur(tissue * sensitivity, random.uniform(0.3, 0.9) * size / 128)
    level = random.uniform(0.01, 0.035)
    image = np.hypot(image + level * random.standard_normal(image.shape), level * random.standard_normal(image.shape))
    return _match(image.astype(np.float32), head.depth <= 1.0, random)


def _match(image: Field, inside: NDArray[np.bool_], random: Random) -> NDArray[np.uint8]:
    """Puts the head's intensities through the curve that gives it, nearly, a histogram drawn at random.

    Ranks are taken among pixels and local means together, so that the histogram tells little of the class at the
    image's own resolution and when it is shrunk.
    """
    steps = np.diff(_QUANTILES) * np.exp(random.normal(0.0, 0.25, len(_QUANTILES) - 1))
    scale = random.uniform(0.7, 0.95) / steps.sum()
    quantiles = _QUANTILES[0] + scale * np.concatenate([[0.0], np.cumsum(steps)])
    shares = np.linspace(0.0, 1.0, _KNOTS)
    values = image[inside]
    even = np.linspace(values.min(), np.quantile(values, 0.995), round(_EVEN * len(values)))
    pooled = np.concatenate([values, blur(image, _LOCAL * len(image))[inside], even])
    knots = np.quantile(pooled, shares)
    matched = np.abs(random.normal(0.0, random.uniform(0.005, 0.02), image.shape))
    matched[inside] = np.interp(values, knots, np.interp(shares, _SHARES, quantiles))
    return np.round(np.clip(matched, 0.0, 1.0) * 255).astype(np.uint8)
