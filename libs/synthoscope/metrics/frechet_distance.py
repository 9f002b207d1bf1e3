"""Fréchet distance between two sets of features, each taken for a sample of a Gaussian.

Dowson & Landau 1982 give the distance between Gaussians in closed form; Heusel et al. 2017 ("GANs trained by a two
time-scale update rule") use it on a network's features to judge generators; their reference implementation is
bioinf-jku/TTUR, `fid.py`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.feature_sets import comparable_features


def frechet_distance(features_a: NDArray[Any], features_b: NDArray[Any]) -> float:
    """‖μ_a - μ_b‖² + tr(Σ_a + Σ_b - 2 (Σ_a Σ_b)^½), at least 0 and in squared feature units.

    Takes N×D and M×D features, of any real dtype, N and M at least 2; computed in float64 with unbiased covariances.
    Raises ValueError for other shapes or for numbers that are not finite.

    With fewer samples than dimensions the covariances have not full rank. The distance is still defined and is computed
    without matrix inverses or jitter, but it is biased upwards, more so the fewer samples there are: compare only
    distances taken with the same N and M, on the same features.
    """
    a, b = comparable_features(features_a, features_b)
    (mean_a, root_a), (mean_b, root_b) = _mean_and_root(a), _mean_and_root(b)
    difference = mean_a - mean_b
    distance = difference @ difference + np.sum(root_a**2) + np.sum(root_b**2) - 2.0 * _trace_root(root_a, root_b)
    return max(float(distance), 0.0)


def _mean_and_root(features: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean, and a root of the covariance Σ = rootᵀ root with as few rows as samples or dimensions."""
    mean = features.mean(axis=0, dtype=np.float64)
    root = features - mean
    root /= np.sqrt(len(features) - 1)
    return mean, root if len(root) <= root.shape[1] else _symmetric_root(root.T @ root)


def _trace_root(root_a: NDArray[np.float64], root_b: NDArray[np.float64]) -> float:
    """tr((Σ_a Σ_b)^½), where Σ = rootᵀ root.

    The eigenvalues of Σ_a Σ_b are, but for zeros, those of C Cᵀ with C = A Bᵀ, where A and B are any roots of the
    covariances (AᵀA = Σ_a); so the trace is the sum of C's singular values. They are real, positive, well conditioned,
    which the eigenvalues of the product itself are not.
    """
    return float(np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum())


def _symmetric_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(eigenvalues, 0.0, None))) @ vectors.T
