"""A classifier's results on one split: all scores, each with its interval."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import ClassMetrics, ConfusionRow, Evaluation
from synthoscope.metrics import ranking
from synthoscope.metrics.bootstrap import group_index, intervals, resampling_weights
from synthoscope.metrics.calibration import (
    expected_calibration_error,
    finding_squared_errors,
    reliability_bins,
    squared_errors,
)
from synthoscope.metrics.predictions import FindingPredictions, Predictions
from synthoscope.metrics.resampling import resampled_finding_scores, resampled_scores


def evaluate(predictions: Predictions, classes: Sequence[str], split: str, seed: int = 0) -> Evaluation:
    """The evaluation of predictions of one class an image; intervals draw groups anew, as the seed says.

    A class that is never predicted has precision 0. One without images has recall 0 and counts in no macro average but
    that of specificity: how well it is found was not measured. Images of a single group give scores without intervals.
    The calibration error, and its interval still more, lie too high for few images of a well-calibrated classifier:
    noise in a bin counts as error, and resamples are noisier.
    Raises ValueError when `classes` are not as many as the probabilities' columns.
    """
    _check_names(classes, predictions.probabilities)
    count = len(classes)
    # Counted here: scikit-learn warns of a model of one class.
    cells = np.bincount(predictions.labels * count + predictions.predicted, minlength=count**2)
    confusion = cells.reshape(count, count)
    right = np.diagonal(confusion)
    wrong, support = confusion.sum(axis=0) - right, confusion.sum(axis=1)
    present = predictions.labels[:, None] == np.arange(count)
    found = _evaluation(split, right, wrong, support, present, predictions.probabilities, classes)
    found.accuracy = float(right.sum() / len(predictions))
    found.brier = float(squared_errors(predictions.probabilities, predictions.labels).mean())
    found.expected_calibration_error = expected_calibration_error(predictions.probabilities, predictions.labels)
    found.reliability.extend(reliability_bins(predictions.probabilities, predictions.labels))
    found.confusion.extend(ConfusionRow(counts=row) for row in confusion.tolist())
    weights = resampling_weights(predictions.groups, seed)
    _add_intervals(found, resampled_scores(predictions, classes, weights), predictions.groups)
    return found


def evaluate_findings(
    predictions: FindingPredictions, findings: Sequence[str], split: str, seed: int = 0
) -> Evaluation:
    """The evaluation of findings, each there if its probability is above one half.

    `accuracy` is the share of images of which every finding is right; there is neither a confusion matrix nor a
    calibration error of the predicted class. `classes` are the findings, with as many images as have them. A finding
    that no image has, and images of a single group, are as in `evaluate`.
    Raises ValueError when `findings` are not as many as the probabilities' columns.
    """
    _check_names(findings, predictions.probabilities)
    present, predicted = predictions.present, predictions.predicted
    # Counted here: scikit-learn takes a single finding, N×1, for two classes.
    right, wrong, support = (cell.sum(axis=0) for cell in (present & predicted, ~present & predicted, present))
    found = _evaluation(split, right, wrong, support, present, predictions.probabilities, findings)
    found.accuracy = float((present == predicted).all(axis=1).mean())
    found.brier = float(finding_squared_errors(predictions.probabilities, present).mean())
    weights = resampling_weights(predictions.groups, seed)
    _add_intervals(found, resampled_finding_scores(predictions, findings, weights), predictions.groups)
    return found


def _evaluation(
    split: str,
    right: NDArray[np.int64],
    wrong: NDArray[np.int64],
    support: NDArray[np.int64],
    present: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
) -> Evaluation:
    """What is alike for classes and findings: true and false positives and images by class, C each."""
    metrics = [
        _class_metrics(label, int(right[c]), int(wrong[c]), int(support[c]), present[:, c], probabilities[:, c])
        for c, label in enumerate(classes)
    ]
    measured = [item for item in metrics if item.support]
    shares = [item.support / sum(item.support for item in measured) for item in measured]
    found = Evaluation(split=split, classes=metrics)
    for name in ("precision", "recall", "f1"):
        values = [getattr(item, name) for item in measured]
        setattr(found, f"macro_{name}", _mean(values) or 0.0)
        setattr(found, f"weighted_{name}", sum(value * share for value, share in zip(values, shares, strict=True)))
    found.balanced_accuracy = found.macro_recall
    for score, name in (("macro_specificity", "specificity"), ("auroc", "auroc"), ("auprc", "auprc")):
        mean = _mean(getattr(item, name) for item in metrics if item.HasField(name))
        if mean is not None:
            setattr(found, score, mean)
    curves = (ranking.curve(label, present[:, c], probabilities[:, c]) for c, label in enumerate(classes))
    found.roc_curves.extend(curve for curve in curves if curve is not None)
    return found


def _class_metrics(
    label: str, right: int, wrong: int, support: int, present: NDArray[np.bool_], scores: NDArray[np.float32]
) -> ClassMetrics:
    others = len(present) - support
    return ClassMetrics(
        label=label,
        precision=right / (right + wrong) if right + wrong else 0.0,
        recall=right / support if support else 0.0,
        f1=2 * right / (support + right + wrong) if right else 0.0,
        support=support,
        specificity=1 - wrong / others if others else None,
        auroc=ranking.auroc(present, scores),
        auprc=ranking.average_precision(present, scores),
    )


def _add_intervals(found: Evaluation, resampled: dict[str, NDArray[np.float64]], groups: NDArray[np.int64]) -> None:
    found.groups = int(group_index(groups).max()) + 1
    if found.groups == 1:  # drawn anew it is the same: an interval of no width would say that all is known
        return
    for name, interval in intervals(resampled).items():
        found.intervals[name].CopyFrom(interval)


def _check_names(names: Sequence[str], probabilities: NDArray[np.float32]) -> None:
    if len(names) != probabilities.shape[1]:
        columns = probabilities.shape[1]
        raise ValueError(f"there must be {columns} names, one for each column of probabilities, not {len(names)}")


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else None
