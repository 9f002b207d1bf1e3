"""Whether two ways to train differ, when both the runs and the test images are samples.

Each way is trained with several seeds and all runs are tested on the same images. Training again gives other weights,
and another test set other images; a test over images alone takes the runs for fixed, and finds a difference between two
lucky seeds (in simulation in 20 to 65 % of comparisons of equals). Here seeds and groups of images are crossed random
effects (as readers and cases are in imaging trials: Gallas 2006; for learning: Bouthillier et al. 2021), which keeps
the level of 5 %.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthoscope.metrics.bootstrap import group_index

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Comparison:
    """The mean difference of an arm from its reference, its 95 % interval, and how likely one as large is by chance.

    `effect_size` is Cohen's d_z: the mean over seeds by its standard deviation; NaN when all seeds agree exactly.
    """

    difference: float
    low: float
    high: float
    p_value: float
    effect_size: float
    effect_low: float
    effect_high: float
    seeds: int
    groups: int


def compare(
    arm: NDArray[np.float64],
    reference: NDArray[np.float64],
    groups: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> Comparison:
    """Compares values by seed and image, S×N each (such as 1 for right), of runs paired by seed; S is at least 2.

    `groups` are numbers of images that are no independent evidence, N. `weights`, N, make the mean of values another
    score: the inverse of class shares gives balanced accuracy. The hypothesis is that the mean difference, over all
    seeds and all images of the kind, is 0.

    Raises ValueError for shapes that do not fit and fewer than two seeds or groups.
    """
    if arm.shape != reference.shape or arm.ndim != 2 or len(groups) != arm.shape[1]:
        raise ValueError(f"both arms must be seeds × {len(groups)} images, not {arm.shape} and {reference.shape}")
    differences = _by_group(arm - reference, groups, weights)
    seeds, count = differences.shape
    if seeds < 2 or count < 2:
        raise ValueError(f"a comparison needs at least 2 seeds and 2 groups of images, not {seeds} and {count}")
    mean = float(differences.mean())
    error, freedom = _standard_error(differences)
    effect, effect_low, effect_high = _effect_size(differences.mean(axis=1))
    if error == 0.0:  # every run of both arms is the same on every group
        return Comparison(mean, mean, mean, 1.0 if mean == 0 else 0.0, effect, effect_low, effect_high, seeds, count)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, freedom))
    return Comparison(mean, mean - reach, mean + reach, p_value, effect, effect_low, effect_high, seeds, count)


def balancing_weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weights of images N with which the mean of being right is balanced accuracy."""
    counts = np.bincount(labels)
    return 1.0 / counts[labels]


def _by_group(
    values: NDArray[np.float64], groups: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Sums by group, S×G, scaled so that their mean is the (weighted) mean over images."""
    members = group_index(groups)
    count = int(members.max()) + 1
    shares = np.ones(len(groups)) if weights is None else weights
    by_group = np.zeros((count, len(groups)))
    by_group[members, np.arange(len(groups))] = shares * count / shares.sum()
    summed: NDArray[np.float64] = values @ by_group.T
    return summed


def _standard_error(differences: NDArray[np.float64]) -> tuple[float, float]:
    """Of the mean of S×G values with random effects of seeds and groups; and Satterthwaite's degrees of freedom."""
    seeds, groups = differences.shape
    mean, of_seeds, of_groups = differences.mean(), differences.mean(axis=1), differences.mean(axis=0)
    rest = differences - of_seeds[:, None] - of_groups + mean
    squares = np.array(
        [
            groups * ((of_seeds - mean) ** 2).sum() / (seeds - 1),
            seeds * ((of_groups - mean) ** 2).sum() / (groups - 1),
            (rest**2).sum() / ((seeds - 1) * (groups - 1)),
        ]
    )
    freedom = np.array([seeds - 1, groups - 1, (seeds - 1) * (groups - 1)], float)
    total = squares[0] + squares[1] - squares[2]
    larger = int(squares[1] > squares[0])
    if total <= squares[larger]:  # the smaller effect's estimated variance is negative: it is taken for none
        return math.sqrt(squares[larger] / (seeds * groups)), float(freedom[larger])
    return math.sqrt(total / (seeds * groups)), float(total**2 / (squares**2 / freedom).sum())


def _effect_size(by_seed: NDArray[np.float64]) -> tuple[float, float, float]:
    """Cohen's d_z and its 95 % interval by the non-central t distribution (Cumming & Finch 2001)."""
    deviation, count = float(by_seed.std(ddof=1)), len(by_seed)
    if deviation == 0.0:
        return math.nan, math.nan, math.nan
    effect = float(by_seed.mean()) / deviation
    observed, freedom = effect * math.sqrt(count), count - 1
    low, high = (_noncentrality(observed, freedom, tail) / math.sqrt(count) for tail in (0.975, 0.025))
    return effect, low, high


def _noncentrality(observed: float, freedom: int, tail: float) -> float:
    """The non-centrality for which a t below `observed` has that probability, by bisection."""
    low, high = observed - 50.0, observed + 50.0
    for _ in range(60):
        middle = (low + high) / 2
        if float(stats.nct.cdf(observed, freedom, middle)) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2
