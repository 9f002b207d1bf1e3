"""Inception score: how sure a classifier is of each image, and how evenly its answers spread over the classes.

Salimans et al. 2016, "Improved techniques for training GANs"; reference implementation: openai/improved-gan,
`inception_score/model.py`. It never sees a real image, and with ImageNet's classes it says little of medical ones
(Barratt & Sharma 2018, "A note on the inception score"): read it beside the score of real images.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class InceptionScore:
    """Mean and standard deviation over the splits, each score in [1, number of classes]."""

    mean: float
    deviation: float


def inception_score(probabilities: NDArray[Any], splits: int = 10, seed: int = 0) -> InceptionScore:
    """exp of the mean of KL(p(y|x) ‖ p(y)) of class probabilities N×C, rows that sum to 1, in `splits` random parts.

    Raises ValueError when there are fewer images than splits or the rows are no probabilities.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or splits < 1 or len(p) < splits:
        raise ValueError(f"probabilities must be N×C with N at least {max(splits, 1)}, the splits, not {p.shape}")
    if not (p >= 0.0).all() or not np.allclose(p.sum(axis=1), 1.0, atol=1e-4):
        raise ValueError("probabilities must be at least 0 and sum to 1 in every row")
    parts = np.array_split(p[np.random.default_rng(seed).permutation(len(p))], splits)
    scores = [_score(part) for part in parts]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def _score(p: NDArray[np.float64]) -> float:
    ratio = np.divide(p, p.mean(axis=0), out=np.ones_like(p), where=p > 0.0)  # 0·log 0 = 0
    return float(np.exp((p * np.log(ratio)).sum(axis=1).mean()))
