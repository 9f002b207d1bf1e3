"""Whether a classifier serves everybody alike: its results by sex, age, device, view."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import Subgroup, SubgroupGap
from synthoscope.metrics import ranking
from synthoscope.metrics.bootstrap import group_index, intervals, resampling_weights
from synthoscope.metrics.predictions import Predictions

FEWEST_COMPARED = 20
"""Images that a value must have to be compared with others."""

Columns = Mapping[str, Sequence[str]]
"""By column, each image's value; an empty one is not known."""


def subgroups(predictions: Predictions, columns: Columns, seed: int = 0) -> tuple[list[Subgroup], SubgroupGap | None]:
    """Results on the images of each value of each column; and the worst gap in accuracy between two values of one.

    Only values of at least 20 images are compared. Among many values some gap is found by chance: its interval is of
    these two values, and does not allow for their having been chosen. A value whose images are all of one group has no
    interval, and nor has a gap to it.
    Raises ValueError for a column that has not one value for each image.
    """
    weights = resampling_weights(predictions.groups, seed)
    right = (predictions.predicted == predictions.labels).astype(np.float64)
    found: list[Subgroup] = []
    gaps: list[SubgroupGap] = []
    for column, values in columns.items():
        if len(values) != len(predictions):
            raise ValueError(f'column "{column}" must have {len(predictions)} values, not {len(values)}')
        resampled = {}
        here = []
        for value, rows in _by_value(values):
            part = predictions.take(rows)
            several = len(np.unique(group_index(part.groups))) > 1
            resampled[value] = _accuracies(right[rows], weights[:, rows]) if several else np.full(len(weights), np.nan)
            here.append(_subgroup(column, value, part, resampled[value]))
        found += here
        compared = sorted((item for item in here if item.images >= FEWEST_COMPARED), key=lambda item: item.accuracy)
        if len(compared) > 1:
            gaps.append(_gap(column, compared[0], compared[-1], resampled))
    return found, max(gaps, key=lambda gap: gap.difference, default=None)


def _accuracies(right: NDArray[np.float64], weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """For each row of weights R×N, R; NaN where none of the images were drawn."""
    total = weights.sum(axis=1, dtype=np.float64)
    return np.divide(weights @ right, total, out=np.full(len(weights), np.nan), where=total > 0)


def _by_value(values: Sequence[str]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    array = np.array(values)
    for value in sorted(set(values) - {""}):
        yield value, np.flatnonzero(array == value)


def _subgroup(column: str, value: str, part: Predictions, resampled: NDArray[np.float64]) -> Subgroup:
    right = part.predicted == part.labels
    present = [part.labels == label for label in np.unique(part.labels)]
    areas = [ranking.auroc(part.labels == c, part.probabilities[:, c]) for c in range(part.probabilities.shape[1])]
    measured = [area for area in areas if area is not None]
    return Subgroup(
        column=column,
        value=value,
        images=len(part),
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.mean([right[rows].mean() for rows in present])),
        accuracy_interval=intervals({"accuracy": resampled}).get("accuracy"),
        auroc=float(np.mean(measured)) if measured else None,
    )


def _gap(column: str, worst: Subgroup, best: Subgroup, resampled: Mapping[str, NDArray[np.float64]]) -> SubgroupGap:
    differences = resampled[best.value] - resampled[worst.value]
    return SubgroupGap(
        column=column,
        worst=worst.value,
        best=best.value,
        difference=best.accuracy - worst.accuracy,
        interval=intervals({"difference": differences}).get("difference"),
    )
