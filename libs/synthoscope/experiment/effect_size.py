"""Cohen's d_z: how large a difference is beside how much it varies from run to run."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtrinc


def effect_size(by_seed: NDArray[np.float64], confidence: float) -> tuple[float, float, float]:
    """The mean of differences by seed, S, at least 2, by their standard deviation; and its interval, low and high.

    The interval is that of the non-central t distribution (Cumming & Finch 2001). All are NaN when all seeds agree.
    """
    deviation, root = float(by_seed.std(ddof=1)), math.sqrt(len(by_seed))
    if deviation <= np.finfo(float).eps:  # what rounding leaves of none
        return math.nan, math.nan, math.nan
    effect, tail = float(by_seed.mean()) / deviation, (1 - confidence) / 2
    low, high = (float(nctdtrinc(len(by_seed) - 1, below, effect * root)) / root for below in (1 - tail, tail))
    return effect, low, high
