"""What every metric of features asks of them: matrices of finite numbers, an image a row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def finite_features(features: NDArray[Any], least: int = 2) -> NDArray[np.float64]:
    """Features N×D of any real dtype as float64. Raises ValueError unless N ≥ `least`, D ≥ 1 and all are finite."""
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2 or len(features) < least or features.shape[1] == 0:
        raise ValueError(f"features must be N×D with N ≥ {least} and D ≥ 1, not {features.shape}")
    if not np.isfinite(features).all():
        raise ValueError("features must be finite")
    return features


def comparable_features(
    features_a: NDArray[Any], features_b: NDArray[Any], least: int = 2
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two sets, N×D and M×D, as float64. Raises ValueError as `finite_features` does, or when the D differ."""
    a, b = finite_features(features_a, least), finite_features(features_b, least)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"features must have the same dimension: {a.shape[1]} and {b.shape[1]}")
    return a, b
