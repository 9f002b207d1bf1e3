"""F1 of a confusion matrix: what training watches on its validation images."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """The mean of F1 over classes with images, in [0, 1], of a confusion matrix int64 C×C that is not all zero.

    True classes down, predicted across. A class that is never predicted has F1 0.
    """
    # Every cell of the matrix is one sample, weighted by its count.
    true, predicted = np.indices(confusion.shape).reshape(2, -1)
    scores = f1_score(
        true,
        predicted,
        labels=np.arange(len(confusion)),
        average=None,
        sample_weight=confusion.reshape(-1),
        zero_division=0.0,
    )
    return float(scores[confusion.sum(axis=1) > 0].mean())
