"""Answers that miss one class rarely: it is answered from a probability on that finds as many of its images as asked.

The threshold is that of split conformal prediction for one class (Vovk 2012, "Conditional validity of inductive
conformal predictors"). A sensitivity that is chosen beforehand says which error costs more; the likeliest class does
not, and depends on how often training shows each class.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import ModelVersion, OperatingPoint
from synthoscope.rpc.errors import FailedPrecondition


def check_images(label: str, sensitivity: float, images: int) -> None:
    """Raises FailedPrecondition when so many held-out images of a class are too few to promise a sensitivity."""
    # Rounded first: 0.95 / (1 - 0.95) is a little more than 19 as a float.
    fewest = math.ceil(round(sensitivity / (1 - sensitivity), 9))
    if images < fewest:
        raise FailedPrecondition(
            f"config.operating_sensitivity: {sensitivity:g} needs {fewest} held-out images of {label}; "
            f"there are {images}"
        )


def fit_operating_point(probabilities: NDArray[np.float32], label: str, sensitivity: float) -> OperatingPoint:
    """Where to decide, by the class's calibrated probabilities for the N held-out images that are of it.

    The ⌊(N + 1)·(1 - sensitivity)⌋-th smallest: that of another image is as large with probability `sensitivity`, if it
    is like them. Raises as `check_images`.
    """
    check_images(label, sensitivity, len(probabilities))
    rank = math.floor(round((len(probabilities) + 1) * (1 - sensitivity), 9))
    threshold = float(np.partition(probabilities, rank - 1)[rank - 1])
    return OperatingPoint(label=label, sensitivity=sensitivity, threshold=threshold, images=len(probabilities))


def operating_point_of(version: ModelVersion) -> OperatingPoint | None:
    """Where a version decides; None when it answers with the likeliest class."""
    reliability = version.reliability
    return reliability.operating_point if reliability.HasField("operating_point") else None


def decide(
    probabilities: NDArray[np.float32], classes: Sequence[str], point: OperatingPoint | None
) -> NDArray[np.int64]:
    """The class answered for each image, int64 N, of probabilities N×C; without an operating point the likeliest."""
    if point is None:
        return probabilities.argmax(axis=1)
    chosen = list(classes).index(point.label)
    others = probabilities.copy()
    others[:, chosen] = -1.0
    return np.where(probabilities[:, chosen] >= point.threshold, chosen, others.argmax(axis=1))
