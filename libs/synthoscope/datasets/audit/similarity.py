"""Whether two thumbnails show the same picture, judged by their fine structure.

Pictures of one kind look alike: two chest X-rays, laid over each other, correlate at 0.98. What tells a copy from
another patient's picture is what is left when the coarse structure is taken away: ribs' edges, vessels, texture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from synthoscope.datasets.audit.alignment import align, identity, warp

_FARTHEST = 0.15  # largest number by which a copy's affine map differs from the identity
_NEIGHBOURHOOD = 3.0  # pixels; width of the Gaussian within which contrast is evened out
_FLOOR = 1e-3  # contrast² below which there is nothing to compare; the picture's own is 1


@dataclass(frozen=True)
class Level:
    """One look at a pair: every `pool` pixels of a side become one, `steps` of alignment, then a comparison.

    `detail` is the width, in these pixels, of the Gaussian that takes the coarse structure away. Pairs whose structural
    similarity is below `threshold` are not copies, and not looked at any closer.
    """

    pool: int
    steps: int
    detail: float
    threshold: float


LEVELS = (Level(3, 3, 1.0, 0.7), Level(2, 2, 1.33, 0.75), Level(1, 1, 2.0, 0.85))
"""Measured copies are above 0.84, 0.86 and 0.9; nine in ten others end at the first two, which cost a fifth."""


@dataclass(frozen=True)
class Similarity:
    """Of pairs, float32 in [-1, 1]: of the structure, which decides (-1: too far from each other), and of the greys."""

    structure: NDArray[np.float32]
    grey: NDArray[np.float32]


def compare(
    first: NDArray[np.uint8], second: NDArray[np.uint8], level: Level, maps: Tensor
) -> tuple[Similarity, Tensor]:
    """Compares pairs of thumbnails (pairs × side × side, the side a multiple of 6) after laying them on each other.

    `maps` is where the alignment begins, `alignment.identity` at the first level; returned are better ones.
    """
    fixed, moving = (F.avg_pool2d(_standardised(thumbnails), level.pool) for thumbnails in (first, second))
    maps = align(fixed, moving, maps, level.steps)
    warped, weights = warp(moving, maps)
    far = (maps - identity(len(maps))).abs().amax((1, 2)) > _FARTHEST
    structure = _structure(fixed, warped, weights, level.detail).masked_fill(far, -1.0)
    return Similarity(structure.numpy(), _correlation(fixed, warped, weights).numpy()), maps


def _structure(first: Tensor, second: Tensor, weights: Tensor, width: float) -> Tensor:
    """Correlation of the details, after their contrast was evened out all over the picture."""
    return _correlation(_evened(first, width), _evened(second, width), weights)


def _evened(pictures: Tensor, width: float) -> Tensor:
    details = pictures - _blurred(pictures, width)
    return details / (_blurred(details.square(), _NEIGHBOURHOOD) + _FLOOR).sqrt()


def _correlation(first: Tensor, second: Tensor, weights: Tensor) -> Tensor:
    """Pearson's, weighted, of every pair."""
    shares = (weights / weights.sum((1, 2), keepdim=True).clamp_min(1.0)).flatten(1)
    first, second = first.flatten(1), second.flatten(1)
    first = first - (shares * first).sum(1, keepdim=True)
    second = second - (shares * second).sum(1, keepdim=True)
    power = (shares * first.square()).sum(1) * (shares * second.square()).sum(1)
    return (shares * first * second).sum(1) / power.sqrt().clamp_min(1e-9)


def _blurred(pictures: Tensor, width: float) -> Tensor:
    side = 2 * round(3 * width) + 1
    blurred = np.empty(pictures.shape, np.float32)
    for source, target in zip(pictures.numpy(), blurred, strict=True):
        cv2.GaussianBlur(source, (side, side), width, dst=target, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(blurred)


def _standardised(thumbnails: NDArray[np.uint8]) -> Tensor:
    pictures = torch.from_numpy(thumbnails.astype(np.float32))
    pictures = pictures - pictures.mean((1, 2), keepdim=True)
    return pictures / pictures.square().mean((1, 2), keepdim=True).sqrt().clamp_min(1e-6)
