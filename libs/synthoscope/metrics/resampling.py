"""All scores of a classifier in many resamples at once, for their intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.calibration import BINS, confidence_bins, finding_squared_errors, squared_errors
from synthoscope.metrics.predictions import FindingPredictions, Predictions
from synthoscope.metrics.ranking import weighted_auroc, weighted_average_precision

Scores = dict[str, NDArray[np.float64]]
"""Values by resample, R, of each score; those of classes as "recall.glioma". NaN where a resample has none."""


def resampled_scores(predictions: Predictions, classes: Sequence[str], weights: NDArray[np.float32]) -> Scores:
    """The scores of `evaluating.evaluate` for each row of weights R×N."""
    cells = predictions.labels * len(classes) + predictions.predicted
    confusion = (weights @ np.eye(len(classes) ** 2, dtype=np.float32)[cells]).astype(np.float64)
    scores = _of_confusion(confusion.reshape(-1, len(classes), len(classes)), classes)
    total = weights.sum(axis=1, dtype=np.float64)
    scores["brier"] = weights @ squared_errors(predictions.probabilities, predictions.labels) / total
    scores["expected_calibration_error"] = _calibration_errors(predictions, weights) / total
    present = predictions.labels[:, None] == np.arange(len(classes))
    return scores | _ranking(present, predictions.probabilities, classes, weights)


def resampled_finding_scores(
    predictions: FindingPredictions, findings: Sequence[str], weights: NDArray[np.float32]
) -> Scores:
    """The scores of `evaluating.evaluate_findings` for each row of weights R×N."""
    present, predicted = predictions.present, predictions.predicted
    total = weights.sum(axis=1, dtype=np.float64)
    drawn = weights.astype(np.float64)
    right, wrong, support = (drawn @ cell for cell in (present & predicted, ~present & predicted, present))
    scores = _per_class(right, wrong, support, total[:, None], findings)
    scores["accuracy"] = drawn @ (present == predicted).all(axis=1) / total
    scores["brier"] = weights @ finding_squared_errors(predictions.probabilities, present) / total
    scores["balanced_accuracy"] = scores["macro_recall"]
    return scores | _ranking(present, predictions.probabilities, findings, weights)


def _of_confusion(confusion: NDArray[np.float64], classes: Sequence[str]) -> Scores:
    """Those that a confusion matrix R×C×C holds."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    predicted, support = confusion.sum(axis=1), confusion.sum(axis=2)
    total = support.sum(axis=1)
    scores = _per_class(right, predicted - right, support, total[:, None], classes)
    scores["accuracy"] = right.sum(axis=1) / total
    scores["balanced_accuracy"] = scores["macro_recall"]
    return scores


def _per_class(
    right: NDArray[np.float64],
    wrong: NDArray[np.float64],
    support: NDArray[np.float64],
    total: NDArray[np.float64],
    classes: Sequence[str],
) -> Scores:
    """Precision, recall, F1 and specificity, R×C each, and their means; classes without images count in none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        there = np.where(support > 0, 1.0, np.nan)
        by_class = {
            "precision": np.nan_to_num(right / (right + wrong)) * there,
            "recall": right / support,
            "f1": 2 * right / (support + right + wrong) * there,
            "specificity": 1 - wrong / (total - support),
        }
        scores = {f"macro_{name}": _mean(values) for name, values in by_class.items()}
        share = support / support.sum(axis=1, keepdims=True)
        measured = support.any(axis=1)
        for name in ("precision", "recall", "f1"):
            scores[f"weighted_{name}"] = np.where(measured, np.nansum(by_class[name] * share, axis=1), np.nan)
    return scores | _named(by_class, classes)


def _ranking(
    present: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    weights: NDArray[np.float32],
) -> Scores:
    by_class = {
        "auroc": [weighted_auroc(present[:, c], probabilities[:, c], weights) for c in range(len(classes))],
        "auprc": [weighted_average_precision(present[:, c], probabilities[:, c], weights) for c in range(len(classes))],
    }
    stacked = {name: np.stack(values, axis=1) for name, values in by_class.items()}
    # Where every image is of the class, any order has an average precision of 1: it says nothing.
    stacked["auprc"] = np.where(np.isnan(stacked["auroc"]), np.nan, stacked["auprc"])
    return {name: _mean(values) for name, values in stacked.items()} | _named(stacked, classes)


def _calibration_errors(predictions: Predictions, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """The sum over bins of how far confidence and accuracy lie apart, times the bin's images."""
    confidence = predictions.probabilities.max(axis=1).astype(np.float64)
    gaps = (predictions.likeliest == predictions.labels) - confidence
    bins = np.eye(BINS)[confidence_bins(predictions.probabilities)] * gaps[:, None]
    return np.abs(weights @ bins).sum(axis=1)


def _named(by_class: Mapping[str, NDArray[np.float64]], classes: Sequence[str]) -> Scores:
    return {
        f"{name}.{label}": values[:, index] for name, values in by_class.items() for index, label in enumerate(classes)
    }


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each row's numbers; NaN for a row without."""
    counted = np.isfinite(values)
    sums = np.where(counted, values, 0.0).sum(axis=1)
    return np.divide(sums, counted.sum(axis=1), out=np.full(len(values), np.nan), where=counted.any(axis=1))
