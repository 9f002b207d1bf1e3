"""What each test image contributes to a score: values whose mean is the score, so that `compare` can take them.

Accuracy is a mean over images as it is. Another score is replaced by its first-order expansion around what was
measured: image by image, how much it would rise with more images like this one (its influence function, Hampel 1974).
For AUROC these are the placement values of DeLong, DeLong & Clarke-Pearson (1988).
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthoscope.metrics.predictions import Predictions

Values = NDArray[np.float64]


def accuracy(predictions: Predictions) -> Values:
    """1 for each image that is right, N."""
    return (predictions.predicted == predictions.labels).astype(np.float64)


def balanced_accuracy(predictions: Predictions) -> Values:
    """Contributions to the mean recall of classes with images, N."""
    right = accuracy(predictions)
    return _over_classes(predictions, lambda present, c: _ratio(right * present, present.astype(np.float64)))


def macro_f1(predictions: Predictions) -> Values:
    """Contributions to the mean F1 of classes with images, N."""
    predicted = predictions.predicted
    return _over_classes(predictions, lambda present, c: _f1(present, predicted == c))


def auroc(predictions: Predictions) -> Values:
    """Contributions to the mean over classes of the area under one against the others, N.

    Raises ValueError when all images are of one class: there is nothing to tell apart.
    """
    if len(np.unique(predictions.labels)) < 2:
        raise ValueError("AUROC needs images of at least two classes")
    return _over_classes(predictions, lambda present, c: _placements(present, predictions.probabilities[:, c]))


SCORES: Mapping[str, Callable[[Predictions], Values]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "auroc": auroc,
}


def _over_classes(predictions: Predictions, of_class: Callable[[NDArray[np.bool_], int], Values]) -> Values:
    """The mean over classes that have images; what has none was not measured."""
    values = [of_class(predictions.labels == c, int(c)) for c in np.unique(predictions.labels)]
    return np.mean(values, axis=0)


def _f1(present: NDArray[np.bool_], found: NDArray[np.bool_]) -> Values:
    return _ratio(2 * (present & found).astype(np.float64), present.astype(np.float64) + found)


def _ratio(numerator: Values, denominator: Values) -> Values:
    """Of a score that is the sum of one by the sum of the other."""
    score = numerator.sum() / denominator.sum()
    return score + (numerator - score * denominator) / denominator.mean()


def _placements(present: NDArray[np.bool_], scores: NDArray[np.float32]) -> Values:
    """Each image's share of images of the other side that are rightly above or below it; equal scores count half."""
    others = ~present
    ranks, placements = rankdata(scores), np.empty(len(scores))
    placements[present] = (ranks[present] - rankdata(scores[present])) / others.sum()
    placements[others] = 1 - (ranks[others] - rankdata(scores[others])) / present.sum()
    area = placements[present].mean()
    return area + (placements - area) * np.where(present, 1 / present.mean(), 1 / others.mean())
