"""What every metric of features asks of them: matrices of finite numbers, an image a row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1024  # rows that are looked at at once


def checked_features(features: NDArray[Any], least: int = 2) -> NDArray[Any]:
    """Features N×D as they are. Raises ValueError unless N ≥ `least`, D ≥ 1 and all are finite real numbers."""
    features = np.asarray(features)
    if features.ndim != 2 or len(features) < least or features.shape[1] == 0:
        raise ValueError(f"features must be N×D with N ≥ {least} and D ≥ 1, not {features.shape}")
    if not all(np.isfinite(features[start : start + _BLOCK]).all() for start in range(0, len(features), _BLOCK)):
        raise ValueError("features must be finite")
    return features


def comparable_features(
    features_a: NDArray[Any], features_b: NDArray[Any], least: int = 2
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two sets, N×D and M×D, as they are. Raises ValueError as `checked_features` does, or when the D differ."""
    a, b = checked_features(features_a, least), checked_features(features_b, least)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"features must have the same dimension: {a.shape[1]} and {b.shape[1]}")
    return a, b
