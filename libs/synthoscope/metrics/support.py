"""Precision, recall, density and coverage of generated images beside those of real ones, with the same counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.density_coverage import density_coverage
from synthoscope.metrics.precision_recall import precision_recall
from synthoscope.metrics.relative import OVERALL, pooled

LEAST_REAL, LEAST_GENERATED = 12, 6
"""Fewer images have not the neighbours that the balls are drawn by."""


@dataclass(frozen=True)
class Scores:
    """As in `precision_recall` and `density_coverage`."""

    precision: float
    recall: float
    density: float
    coverage: float


@dataclass(frozen=True)
class Support:
    """Scores of generated images against one random half of the real ones, and of the other half against the same.

    `count` images each. A perfect generator scores as the real ones do.
    """

    generated: Scores
    real: Scores
    count: int


def support(real: NDArray[Any], generated: NDArray[Any], seed: int = 0) -> Support:
    """From features of real images N×D, N ≥ 12, and generated ones M×D, M ≥ 6. Raises ValueError for other shapes."""
    count = min(len(real) // 2, len(generated))
    if len(real) < LEAST_REAL or count < LEAST_GENERATED:
        raise ValueError(f"features must be of at least {LEAST_REAL} real and {LEAST_GENERATED} generated images")
    random = np.random.default_rng(seed)
    order = random.permutation(len(real))
    half, other = real[order[:count]], real[order[count : 2 * count]]
    drawn = generated[random.permutation(len(generated))[:count]]
    return Support(_scores(half, drawn), _scores(half, other), count)


def support_by_class(
    real: Mapping[str, NDArray[Any]], generated: Mapping[str, NDArray[Any]], seed: int = 0
) -> dict[str, Support]:
    """`support` of all images, under OVERALL, and of each class that has enough of both, from features by class."""
    answers = {OVERALL: support(pooled(real), pooled(generated), seed)}
    for label in sorted(real.keys() & generated.keys()):
        if len(real[label]) >= LEAST_REAL and len(generated[label]) >= LEAST_GENERATED:
            answers[label] = support(real[label], generated[label], seed)
    return answers


def _scores(real: NDArray[Any], generated: NDArray[Any]) -> Scores:
    first, second = precision_recall(real, generated), density_coverage(real, generated)
    return Scores(first.precision, first.recall, second.density, second.coverage)
