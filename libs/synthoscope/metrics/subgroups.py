"""Whether a classifier serves everybody alike: its results by sex, age, device, view."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import Subgroup, SubgroupGap
from synthoscope.metrics import ranking
from synthoscope.metrics.bootstrap import group_index, intervals, resampling_weights
from synthoscope.metrics.predictions import FindingPredictions, Predictions

FEWEST_COMPARED = 20
"""Images that a value must have to be compared with others."""

Columns = Mapping[str, Sequence[str]]
"""By column, each image's value; an empty one is not known."""


def subgroups(
    predictions: Predictions | FindingPredictions, columns: Columns, seed: int = 0
) -> tuple[list[Subgroup], SubgroupGap | None]:
    """Results on the images of each value of each column; and the worst gap in accuracy between two values of one.

    Of findings, an image is right when all of its findings are, and balanced accuracy is their mean recall.
    Only values of at least 20 images are compared. Among many values some gap is found by chance: its interval is of
    these two values, and does not allow for their having been chosen. A value whose images are all of one group has no
    interval, and nor has a gap to it.
    Raises ValueError for a column that has not one value for each image.
    """
    weights = resampling_weights(predictions.groups, seed)
    right = _right(predictions).astype(np.float64)
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


def _table(predictions: Predictions | FindingPredictions) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What each image shows, and what it is taken for: N×C each."""
    if isinstance(predictions, FindingPredictions):
        return predictions.present, predictions.predicted
    classes = np.arange(predictions.probabilities.shape[1])
    return predictions.labels[:, None] == classes, predictions.predicted[:, None] == classes


def _right(predictions: Predictions | FindingPredictions) -> NDArray[np.bool_]:
    present, predicted = _table(predictions)
    right: NDArray[np.bool_] = (present == predicted).all(axis=1)
    return right


def _subgroup(
    column: str, value: str, part: Predictions | FindingPredictions, resampled: NDArray[np.float64]
) -> Subgroup:
    present, predicted = _table(part)
    recalls = [predicted[rows, c].mean() for c, rows in enumerate(present.T) if rows.any()]
    areas = [ranking.auroc(rows, part.probabilities[:, c]) for c, rows in enumerate(present.T)]
    measured = [area for area in areas if area is not None]
    return Subgroup(
        column=column,
        value=value,
        images=len(part),
        accuracy=float(_right(part).mean()),
        balanced_accuracy=float(np.mean(recalls)) if recalls else 0.0,
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
