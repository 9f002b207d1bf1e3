"""How well a classifier finds its classes: accuracy, precision, recall, F1 and the confusion matrix."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from synthoscope.api.models.v1.models_pb2 import ClassMetrics, ConfusionRow, Evaluation


def evaluate(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: Sequence[str], split: str
) -> Evaluation:
    """The evaluation of predicted against true class indices, each int64 N in [0, number of classes), N at least 1.

    A class that is never predicted has precision 0. One without images has recall 0 and counts in no macro average:
    how well it is found was not measured.
    Raises ValueError when the arrays differ in length or are empty.
    """
    if len(labels) != len(predictions) or len(labels) == 0:
        raise ValueError("labels and predictions must be of one length, at least 1")
    confusion = confusion_matrix(labels, predictions, labels=np.arange(len(classes)))
    return evaluation(confusion, classes, split)


def evaluation(confusion: NDArray[np.int64], classes: Sequence[str], split: str) -> Evaluation:
    """The evaluation that a confusion matrix holds: int64 C×C, true classes down, predicted across, not all zero."""
    precision, recall, f1, support = _per_class(confusion)
    measured = support > 0
    return Evaluation(
        split=split,
        accuracy=float(np.trace(confusion) / confusion.sum()),
        macro_precision=float(precision[measured].mean()),
        macro_recall=float(recall[measured].mean()),
        macro_f1=float(f1[measured].mean()),
        classes=[
            ClassMetrics(
                label=label,
                precision=float(precision[index]),
                recall=float(recall[index]),
                f1=float(f1[index]),
                support=int(support[index]),
            )
            for index, label in enumerate(classes)
        ],
        confusion=[ConfusionRow(counts=row) for row in confusion.tolist()],
    )


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """The mean of F1 over classes with images, in [0, 1], of a confusion matrix int64 C×C that is not all zero."""
    _, _, f1, support = _per_class(confusion)
    return float(f1[support > 0].mean())


def _per_class(confusion: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
    """Precision, recall, F1 and support, each C, with every cell of the matrix as one sample weighted by its count."""
    true, predicted = np.indices(confusion.shape).reshape(2, -1)
    scores = precision_recall_fscore_support(
        true, predicted, labels=np.arange(len(confusion)), sample_weight=confusion.reshape(-1), zero_division=0.0
    )
    return tuple(scores)
