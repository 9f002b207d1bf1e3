"""What inputs and scores were like when a classifier was made: what later ones are compared with, to notice drift."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import Histogram

BINS = 10
_LEAST_SHARE = 1e-4
"""Of a bin, so that an empty one does not make the index infinite."""


def input_statistics(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Brightness, contrast and sharpness of images uint8 N×H×W×3, N each, in grey levels.

    Mean, standard deviation, and mean absolute Laplacian of the grey picture.
    """
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    moments = [cv2.meanStdDev(picture) for picture in grey]
    return {
        "brightness": np.array([mean[0, 0] for mean, _ in moments]),
        "contrast": np.array([deviation[0, 0] for _, deviation in moments]),
        "sharpness": np.array(
            [cv2.norm(cv2.Laplacian(picture, cv2.CV_16S), cv2.NORM_L1) / picture.size for picture in grey]
        ),
    }


def histograms(quantities: Mapping[str, NDArray[np.float64]]) -> list[Histogram]:
    """A histogram of each quantity's values N: ten bins of about as many images each, fewer when values repeat.

    Raises ValueError, naming the quantity, when it has no values or some are no numbers.
    """
    return [_histogram(name, values) for name, values in quantities.items()]


def counts(histogram: Histogram, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of other values lie in each bin; those outside count in the end bins."""
    inner = np.array(histogram.edges)[1:-1]
    return np.bincount(np.searchsorted(inner, values, side="right"), minlength=len(inner) + 1)


def population_stability_index(reference: NDArray[np.int64], current: NDArray[np.int64]) -> float:
    """How far two counts over the same bins lie apart: 0 for the same shares; above 0.25 is taken for a shift.

    The sum of Kullback–Leibler divergences both ways (Siddiqi 2006, "Credit Risk Scorecards"; Yurdakul 2018).
    Raises ValueError when either counts no image.
    """
    if not (reference.sum() and current.sum()):
        raise ValueError("both counts must have images to be compared")
    expected, found = (np.maximum(part / part.sum(), _LEAST_SHARE) for part in (reference, current))
    return float(((found - expected) * np.log(found / expected)).sum())


def _histogram(name: str, values: NDArray[np.float64]) -> Histogram:
    if not (len(values) and np.isfinite(values).all()):
        raise ValueError(f"{name}: there must be values, and all must be finite numbers")
    lowest, *inner, highest = np.quantile(values, np.linspace(0, 1, BINS + 1)).tolist()
    # A value that many images share begins a bin, even when it is the highest: of a classifier that is nearly always
    # sure, nearly all confidences are 1, and those below it must not fall in the same bin.
    histogram = Histogram(name=name, edges=[lowest, *sorted(set(inner)), highest])
    histogram.counts.extend(counts(histogram, values).tolist())
    return histogram
