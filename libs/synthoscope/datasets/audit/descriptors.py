"""Short vectors of pictures, in which copies lie close together and different pictures far apart.

A picture's low cosine coefficients are projected by a linear discriminant analysis (R. A. Fisher, 1936) that is fitted
to the dataset itself: variation within a class is what cropping, turning, brightness and noise do to some of its
pictures; variation between classes is how its pictures differ. So distances are in units of what copying does.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from synthoscope.datasets.audit.alignment import warp
from synthoscope.datasets.audit.symmetries import SYMMETRIES, Symmetry

Vectors = NDArray[np.float32]

_COARSE = 3  # how many pixels of a thumbnail's side become one
_WAVES = 16  # cosines per axis
_LENGTH = 64  # of a descriptor
_FEWEST, _MOST = 1000, 6000  # copies made for the fit, 2 of every picture unless that is too few or too many
_BLOCK = 512
_QUANTILE = 0.998  # of the squared distances of made copies: the radius


@dataclass(frozen=True)
class Descriptors:
    """Of n pictures: `coefficients` n × 16 × 16, and the `projection` 256 × 64 that makes vectors of them.

    Nearly all copies lie within the `radius` of each other, a squared distance.
    """

    coefficients: Vectors
    projection: Vectors
    radius: float

    def vectors(self, symmetry: Symmetry, start: int = 0, stop: int | None = None) -> Vectors:
        """Descriptors, count × 64, of some of the pictures after a symmetry."""
        return self.project(self.coefficients[start:stop], symmetry)

    def project(self, coefficients: Vectors, symmetry: Symmetry) -> Vectors:
        """Descriptors, count × 64, of any pictures' `coefficients_of` after a symmetry."""
        return _project(symmetry.of_coefficients(coefficients), self.projection)


def describe(thumbnails: NDArray[np.uint8], seed: int = 0) -> Descriptors:
    """Descriptors of thumbnails (n × side × side, n ≥ 1, the side a multiple of 3), none of a single grey value."""
    coefficients = coefficients_of(thumbnails)
    random = torch.Generator().manual_seed(seed)
    chosen = _choose(len(thumbnails), random)
    changes = np.concatenate(
        [
            _coefficients(_altered(torch.from_numpy(thumbnails[some].astype(np.float32)), random)) - coefficients[some]
            for some in np.split(chosen, range(_BLOCK, len(chosen), _BLOCK))
        ]
    )
    projection = _discriminant(changes, coefficients[np.unique(chosen)])
    distances = np.square(_project(changes, projection)).sum(1)
    return Descriptors(coefficients, projection, float(np.quantile(distances, _QUANTILE)))


def coefficients_of(thumbnails: NDArray[np.uint8]) -> Vectors:
    """Low cosine coefficients, n × 16 × 16, of thumbnails, n × side × side, n ≥ 1."""
    blocks = (thumbnails[start : start + _BLOCK] for start in range(0, len(thumbnails), _BLOCK))
    return np.concatenate([_coefficients(torch.from_numpy(block.astype(np.float32))) for block in blocks])


def _choose(count: int, random: torch.Generator) -> NDArray[np.int64]:
    """Indices of the pictures to copy, sorted: every picture equally often, or some of many."""
    chosen = torch.randperm(count, generator=random)[: _MOST // 2].numpy()
    return np.sort(np.tile(chosen, max(2, -(-_FEWEST // len(chosen)))))


def _coefficients(pictures: Tensor) -> Vectors:
    """Low cosine coefficients (count × 16 × 16, length 1 each) but the constant one, which is set to 0."""
    small = F.avg_pool2d(pictures, _COARSE).numpy()
    waves = scipy.fft.dctn(small, axes=(1, 2), norm="ortho")[:, :_WAVES, :_WAVES].copy()
    waves[:, 0, 0] = 0
    return waves / (np.linalg.norm(waves, axis=(1, 2), keepdims=True) + 1e-9)


def _altered(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Copies: every other one turned by up to 3°, the others cropped by up to 3 % a side; all with other brightness,
    contrast and a little noise.
    """
    count = len(pictures)

    def draw(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=random) * (high - low) + low

    turned = torch.arange(count) % 2 == 0
    angle = torch.deg2rad(draw(-3, 3)) * turned
    left, right, top, bottom = (draw(0, 0.03) * ~turned for _ in range(4))
    width, height = 1 - left - right, 1 - top - bottom
    rows = [
        torch.stack([width * angle.cos(), -height * angle.sin(), left - right], 1),
        torch.stack([width * angle.sin(), height * angle.cos(), top - bottom], 1),
    ]
    warped = warp(pictures, torch.stack(rows, 1), outside="zeros")[0]
    gain, offset = draw(0.9, 1.1)[:, None, None], draw(-25, 25)[:, None, None]
    noise = 2 * torch.randn(warped.shape, generator=random)
    return (warped * gain + offset + noise).clamp(0, 255)


def _discriminant(changes: Vectors, coefficients: Vectors) -> Vectors:
    """The projection, after which changes have unit variance: 256 × 64. All symmetries count alike."""
    within, between = _scatter(changes), _scatter(coefficients - coefficients.mean(0))
    values, vectors = scipy.linalg.eigh(_regular(between), _regular(within))
    return np.ascontiguousarray(vectors[:, np.argsort(values)[::-1][:_LENGTH]], dtype=np.float32)


def _scatter(vectors: Vectors) -> NDArray[np.float64]:
    variants = [symmetry.of_coefficients(vectors).reshape(len(vectors), -1) for symmetry in SYMMETRIES.values()]
    return np.mean([variant.T.astype(float) @ variant / len(variant) for variant in variants], axis=0)


def _regular(scatter: NDArray[np.float64]) -> NDArray[np.float64]:
    return scatter + np.eye(len(scatter)) * (1e-3 * np.trace(scatter) / len(scatter) + 1e-12)


def _project(coefficients: Vectors, projection: Vectors) -> Vectors:
    return coefficients.reshape(len(coefficients), -1) @ projection
