"""Kernel distance (KID): the squared maximum mean discrepancy between two sets of features.

Bińkowski et al. 2018, "Demystifying MMD GANs": kernel (x·y / D + 1)³. Reference implementation: mbinkowski/MMD-GAN,
`gan/compute_scores.py`. Unlike the Fréchet distance it is unbiased, whatever the number of images; so it may be
negative where the sets do not differ.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.feature_sets import comparable_features

_BLOCK = 512  # rows of a kernel matrix that are in memory at once


@dataclass(frozen=True)
class SubsetDistances:
    """The mean of kernel distances between random subsets, and their standard deviation; what papers report as KID."""

    mean: float
    deviation: float


def kernel_distance(features_a: NDArray[Any], features_b: NDArray[Any]) -> float:
    """The unbiased estimate from all of N×D and M×D features, N and M at least 2; 0 in the mean for one distribution.

    Computed in float64; memory grows with N + M, not with N·M. Raises ValueError for other shapes or for numbers that
    are not finite.
    """
    a, b = comparable_features(features_a, features_b)
    within_a = (_kernel_sum(a, a) - _kernel_of_self(a)) / (len(a) * (len(a) - 1))
    within_b = (_kernel_sum(b, b) - _kernel_of_self(b)) / (len(b) * (len(b) - 1))
    return float(within_a + within_b - 2.0 * _kernel_sum(a, b) / (len(a) * len(b)))


def subset_kernel_distances(
    features_a: NDArray[Any], features_b: NDArray[Any], subsets: int = 100, size: int = 1000, seed: int = 0
) -> SubsetDistances:
    """The distances between `subsets` pairs of random subsets of `size` features each, drawn without replacement.

    A set smaller than `size` lowers it to what there is. Raises ValueError as `kernel_distance` does.
    """
    a, b = comparable_features(features_a, features_b)
    size = min(size, len(a), len(b))
    random = np.random.default_rng(seed)
    distances = [
        kernel_distance(
            a[random.choice(len(a), size, replace=False)],
            b[random.choice(len(b), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return SubsetDistances(float(np.mean(distances)), float(np.std(distances)))


def _kernel_sum(a: NDArray[Any], b: NDArray[Any]) -> float:
    transposed = b.T.astype(np.float64)
    blocks = (a[start : start + _BLOCK] @ transposed for start in range(0, len(a), _BLOCK))
    return float(sum(_kernel(products, a.shape[1]).sum() for products in blocks))


def _kernel_of_self(a: NDArray[Any]) -> float:
    blocks = (a[start : start + _BLOCK].astype(np.float64) for start in range(0, len(a), _BLOCK))
    return float(sum(_kernel(np.einsum("nd,nd->n", block, block), a.shape[1]).sum() for block in blocks))


def _kernel(products: NDArray[np.float64], dimensions: int) -> NDArray[np.float64]:
    base = products / dimensions + 1.0
    return base * base * base  # NumPy's power takes ten times as long
