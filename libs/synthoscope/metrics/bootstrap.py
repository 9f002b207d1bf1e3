"""95 % intervals by the bootstrap over groups of images (Efron & Tibshirani 1993; Field & Welsh 2007 for clusters).

Images of one patient, and copies of one picture, say the same thing twice: intervals that draw single images anew would
be too narrow.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import Interval

RESAMPLES = 1000
_LOW, _HIGH = 2.5, 97.5


def resampling_weights(groups: NDArray[np.int64], seed: int = 0, resamples: int = RESAMPLES) -> NDArray[np.float32]:
    """How often each image occurs in each resample, float32 resamples × N: as often as its group was drawn.

    As many groups are drawn as there are, with replacement; images of negative groups are groups of their own.
    """
    members = group_index(groups)
    count = int(members.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn.astype(np.float32)[:, members]


def group_index(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups numbered from 0 without gaps, int64 N; each negative one a group of its own."""
    own = np.where(groups < 0, -1 - np.arange(len(groups)), groups)
    return np.unique(own, return_inverse=True)[1]


def intervals(resampled: Mapping[str, NDArray[np.float64]]) -> dict[str, Interval]:
    """The percentile interval of each score, of its values in the resamples; those that had none (NaN) are left out.

    A score that no resample had gets no interval.
    """
    found = {}
    for name, values in resampled.items():
        measured = values[np.isfinite(values)]
        if len(measured):
            low, high = np.percentile(measured, (_LOW, _HIGH))
            found[name] = Interval(low=float(low), high=float(high))
    return found
