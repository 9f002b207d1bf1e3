"""Temperature scaling: one number that makes probabilities mean what they say (Guo et al. 2017)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit

COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of a temperature. A classifier that is always right on the images fitted on would have it fall for ever."""


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature with the smallest cross-entropy of logits N×C against labels N; at worst 1's.

    Raises ValueError when there are no logits, or some are no finite numbers, or labels are not those of their rows.
    """
    _check(logits)
    if labels.shape != logits.shape[:1] or labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels must be one class in [0, {logits.shape[1] - 1}] for each of {len(logits)} logits")
    rows = np.arange(len(labels))
    return _fitted(lambda temperature: -float(log_probabilities(logits, temperature)[rows, labels].mean()))


def fit_findings_temperature(logits: NDArray[np.float32], present: NDArray[np.bool_]) -> float:
    """The temperature with the smallest binary cross-entropy of logits N×F against what is there, N×F; at worst 1's.

    Raises ValueError when there are no logits, or some are no finite numbers, or `present` has another shape.
    """
    _check(logits)
    if present.shape != logits.shape:
        raise ValueError(f"what is present must have the logits' shape {logits.shape}, not {present.shape}")
    signed = np.where(present, logits, -logits).astype(np.float64)
    return _fitted(lambda temperature: -float(log_expit(signed / temperature).mean()))


def log_probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Natural logarithms of the classes' probabilities, float64 N×C: exact where the probabilities round to 0 or 1.

    Until a class leads by 745 after scaling: no float64 is as near to 0 as its logarithm then.
    """
    scaled = logits.astype(np.float64) / temperature
    classes = np.arange(scaled.shape[1])
    # N×C×(C - 1): beside every class, the others.
    others = scaled[:, np.array([np.delete(classes, c) for c in classes])]
    largest = others.max(axis=2)
    # SciPy's logsumexp does the same, and takes 1 ms for a few numbers.
    together = largest + np.log(np.exp(others - largest[:, :, None]).sum(axis=2))
    found: NDArray[np.float64] = log_expit(scaled - together)
    return found


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """The classes' probabilities, float32 N×C; rows sum to 1."""
    return np.exp(log_probabilities(logits, temperature)).astype(np.float32)


def finding_probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Each finding's own probability, float32 N×F."""
    return expit(logits.astype(np.float64) / temperature).astype(np.float32)


def _fitted(loss: Callable[[float], float]) -> float:
    found = minimize_scalar(
        lambda log_temperature: loss(float(np.exp(log_temperature))),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    temperature = float(np.exp(found.x))
    return temperature if loss(temperature) <= loss(1.0) else 1.0


def _check(logits: NDArray[np.float32]) -> None:
    if not len(logits):
        raise ValueError("there are no logits to fit a temperature on")
    if not np.isfinite(logits).all():
        raise ValueError("logits must be finite numbers")
