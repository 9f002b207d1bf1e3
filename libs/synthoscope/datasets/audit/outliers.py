"""Images unlike the rest of their class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_OUTLIERS = 100
"""How many a report lists."""

FARTHEST = 5.0
"""Robust standard deviations above the median distance, beyond which an image is an outlier."""

SMALLEST_CLASS = 20
"""Images that a class needs for its spread to be known."""


def outliers(vectors: NDArray[np.float32], labels: Sequence[str]) -> list[tuple[int, float]]:
    """Indices and scores of vectors (n × length) far from the median of their class, the farthest first.

    Every number of a vector is divided by its median absolute deviation in the class; the score is the distance from
    the median, in robust standard deviations of these distances.
    """
    names = np.asarray(labels)
    scores = np.zeros(len(vectors))
    for name in np.unique(names):
        own = np.flatnonzero(names == name)
        if len(own) >= SMALLEST_CLASS:
            scores[own] = _scores(vectors[own])
    order = np.argsort(-scores, kind="stable")[:MOST_OUTLIERS]
    return [(int(index), float(scores[index])) for index in order if scores[index] > FARTHEST]


def _scores(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    offsets = vectors - np.median(vectors, axis=0)
    distances = np.sqrt(np.square(offsets / _spread(offsets)).sum(1))
    distances -= np.median(distances)
    return distances / _spread(distances)


def _spread(offsets: NDArray[np.floating]) -> NDArray[np.float64]:
    """The standard deviation of normal numbers with this median absolute deviation from 0."""
    return 1.4826 * np.median(np.abs(offsets), axis=0) + 1e-9
