"""How a classifier fares on images that are brighter, noisier, blurred: its results under changes of five strengths."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from synthoscope.api.models.v1.models_pb2 import Robustness
from synthoscope.classifier.answering import Answers
from synthoscope.images.perturbations import CHANGES, perturb
from synthoscope.metrics.calibration import expected_calibration_error

Predict = Callable[[NDArray[np.uint8]], Answers]
"""What a classifier says of images uint8 N×S×S×3."""


def robustness(
    predict: Predict,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    most_images: int,
    seed: int = 0,
    report: Callable[[str], None] = lambda _: None,
) -> list[Robustness]:
    """Results on the unchanged images first, then on each change at each strength.

    On at most `most_images` of the images, drawn in proportion to their classes; nothing without any. `report` is told
    of each change as it begins.
    """
    if not len(labels) or not most_images:
        return []
    rows = _drawn(labels, most_images, seed)
    images, labels = images[rows], labels[rows]
    found = [_measured(predict, images, labels)]
    for change, parameters in CHANGES.items():
        report(change)
        for strength, parameter in enumerate(parameters, start=1):
            row = _measured(predict, perturb(images, change, strength, seed), labels)
            row.MergeFrom(Robustness(change=change, strength=strength, parameter=parameter))
            found.append(row)
    return found


def _measured(predict: Predict, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Robustness:
    answers = predict(images)
    return Robustness(
        accuracy=float((answers.predicted == labels).mean()),
        # Over classes with images only, which scikit-learn's balanced accuracy warns of.
        balanced_accuracy=float(
            recall_score(labels, answers.predicted, labels=np.unique(labels), average="macro", zero_division=0.0)
        ),
        expected_calibration_error=expected_calibration_error(answers.probabilities, labels),
        refused=float(answers.refused.mean()),
    )


def _drawn(labels: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """Rows of at most so many images, in order: of each class its share, to within two."""
    if len(labels) <= most:
        return np.arange(len(labels))
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return np.sort(by_class[np.linspace(0, len(labels) - 1, most).round().astype(int)])
