"""How well scores put the images of a class before others: ROC curve, its area, and average precision."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from synthoscope.api.models.v1.models_pb2 import RocCurve

MOST_POINTS = 200
"""Of a curve that is kept."""


def auroc(present: NDArray[np.bool_], scores: NDArray[np.float32]) -> float | None:
    """The area under the ROC curve, in [0, 1], of scores N; None when all images, or none, are of the class."""
    return float(roc_auc_score(present, scores)) if _both(present) else None


def average_precision(present: NDArray[np.bool_], scores: NDArray[np.float32]) -> float | None:
    """Average precision, in [0, 1], of scores N; None when all images, or none, are of the class."""
    return float(average_precision_score(present, scores)) if _both(present) else None


def curve(label: str, present: NDArray[np.bool_], scores: NDArray[np.float32]) -> RocCurve | None:
    """The ROC curve, thinned to at most 200 points; None when all images, or none, are of the class."""
    if not _both(present):
        return None
    false_positives, true_positives, _ = roc_curve(present, scores)
    kept = np.unique(np.linspace(0, len(false_positives) - 1, MOST_POINTS).round().astype(int))
    return RocCurve(
        label=label,
        false_positive_rates=false_positives[kept].tolist(),
        true_positive_rates=true_positives[kept].tolist(),
    )


def weighted_auroc(
    present: NDArray[np.bool_], scores: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The area for each row of weights R×N at once, R; NaN where a side has no weight.

    Images of equal score count half, as the trapezoidal rule has it.
    """
    positive, negative = _by_score(present, scores, weights)
    below = negative.cumsum(axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio((positive * (below + negative / 2)).sum(axis=1), pairs)


def weighted_average_precision(
    present: NDArray[np.bool_], scores: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Average precision for each row of weights R×N at once, R; NaN where the class has no weight."""
    positive, negative = (part[:, ::-1] for part in _by_score(present, scores, weights))
    found = positive.cumsum(axis=1)
    precision = _ratio(found, found + negative.cumsum(axis=1))
    summed = np.nansum(positive * precision, axis=1)
    return _ratio(summed, positive.sum(axis=1))


def _by_score(
    present: NDArray[np.bool_], scores: NDArray[np.float32], weights: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of the class's images and of the others at each distinct score, ascending."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf) > 0)
    ordered = weights[:, order].astype(np.float64)
    here = present[order]
    return np.add.reduceat(ordered * here, starts, axis=1), np.add.reduceat(ordered * ~here, starts, axis=1)


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)


def _both(present: NDArray[np.bool_]) -> bool:
    return bool(present.any() and not present.all())
