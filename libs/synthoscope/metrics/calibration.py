"""How far probabilities can be taken at their word."""

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import ReliabilityBin

BINS = 15


def squared_errors(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each image's squared error, N in [0, 2], summed over classes; their mean is Brier's score (Brier 1950)."""
    truth = np.eye(probabilities.shape[1])[labels]
    return ((probabilities.astype(np.float64) - truth) ** 2).sum(axis=1)


def finding_squared_errors(probabilities: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Each image's squared error, N in [0, 1], mean over findings N×F; their mean is the mean of F Brier scores."""
    return ((probabilities.astype(np.float64) - present) ** 2).mean(axis=1)


def confidence_bins(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """The bin, of 15 equal ones, that each image's largest probability lies in: int64 N."""
    return np.clip(np.ceil(probabilities.max(axis=1) * BINS).astype(np.int64) - 1, 0, BINS - 1)


def expected_calibration_error(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """How far confidence and accuracy lie apart, in [0, 1]: the mean over images of their bin's difference.

    Of the predicted class's probability in 15 equal bins (Naeini et al. 2015; Guo et al. 2017).
    """
    bins = reliability_bins(probabilities, labels)
    return sum(item.count * abs(item.accuracy - item.confidence) for item in bins) / len(labels)


def reliability_bins(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[ReliabilityBin]:
    """Confidence and accuracy of the images in each bin that has some."""
    bins, confidence = confidence_bins(probabilities), probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    return [
        ReliabilityBin(
            confidence=float(confidence[bins == number].mean(dtype=np.float64)),
            accuracy=float(right[bins == number].mean()),
            count=int((bins == number).sum()),
        )
        for number in np.unique(bins)
    ]
