"""Whether two ways to train differ, when both the runs and the test images are samples.

Each way is trained with several seeds, and all runs are tested on the same images. Training again gives other weights,
and another test set other images. A test over images alone takes the runs for fixed and finds a difference between
lucky seeds; a test over seeds alone takes the test set for fixed and finds a difference that other images would not
show (benchmarks/planted_experiment.py measures how often). So seeds and groups of images are crossed random effects, as
readers and cases are in imaging trials (Obuchowski & Rockette 1995; Gallas 2006; for learning Bouthillier et al. 2021).

The usual test of that design subtracts the interaction of both from the variance, and takes its degrees of freedom
after Satterthwaite. With five seeds it is too bold, above all in the tail, where Holm's correction looks. Here the
interaction is not subtracted, which makes the variance too large rather than too small; and the paired t test over
seeds, the one whose degrees of freedom are exact, must find the difference as well. That keeps the level, of single
comparisons to within half a point in 100 and of families after Holm's correction whole. It costs power where few seeds
meet many comparisons, and little with ten seeds.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from synthoscope.experiment.effect_size import effect_size
from synthoscope.metrics.bootstrap import group_index

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Comparison:
    """The mean difference of an arm from its reference, its 95 % interval, and how likely one as large is by chance.

    The p-value is two-sided, and at most 5 % exactly when the interval leaves 0 out. `effect_size` is Cohen's d_z over
    seeds with its 95 % interval, NaN when all seeds agree. `groups` are those of images.
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
    arm: ArrayLike,
    reference: ArrayLike,
    groups: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> Comparison:
    """Compares values by seed and image (such as 1 for right), S×N each, of runs paired by seed.

    The hypothesis is that the mean difference is 0 over all seeds and all images of the kind, those not tried included.
    What all runs of an arm share it takes for part of the arm: of runs that were trained on the same few images it says
    what these images are worth. It speaks of the way to choose them only where each seed chose anew.

    `groups`, int64 N: images of one number are no independent evidence; one of a negative number is a group of its own.
    `weights`, N, give the mean of values another meaning: those of `balancing_weights` that of balanced accuracy. Other
    scores: `contributions`.

    Raises ValueError for shapes that do not fit, values that are no numbers, and fewer than two seeds or groups.
    """
    differences = _checked(np.asarray(arm, np.float64), np.asarray(reference, np.float64), groups)
    by_group = _by_group(differences, groups, _shares(weights, len(groups)))
    seeds, count = by_group.shape
    if seeds < 2 or count < 2:
        raise ValueError(f"a comparison needs at least 2 seeds and 2 groups of images, not {seeds} and {count}")
    mean = float(by_group.mean())
    errors = _standard_errors(by_group)
    reach = max(float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error for error, freedom in errors)
    p_value = max(_p_value(mean, error, freedom) for error, freedom in errors)
    effect = effect_size(by_group.mean(axis=1), CONFIDENCE)
    return Comparison(mean, mean - reach, mean + reach, p_value, *effect, seeds, count)


def balancing_weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weights of images, N, with which the mean of being right is balanced accuracy."""
    return 1.0 / np.bincount(labels)[labels]


def _checked(
    arm: NDArray[np.float64], reference: NDArray[np.float64], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    if arm.shape != reference.shape or arm.ndim != 2 or arm.shape[1:] != groups.shape:
        raise ValueError(f"both arms must be seeds × {len(groups)} images, not {arm.shape} and {reference.shape}")
    differences = arm - reference
    if not np.isfinite(differences).all():
        raise ValueError("both arms' values must be finite numbers")
    return differences


def _shares(weights: NDArray[np.float64] | None, images: int) -> NDArray[np.float64]:
    """Weights with mean 1."""
    if weights is None:
        return np.ones(images)
    if weights.shape != (images,) or not (weights >= 0).all() or not 0 < weights.sum() < math.inf:
        raise ValueError(f"weights must be {images} numbers of at least 0, and not all 0")
    return weights / weights.mean()


def _by_group(
    values: NDArray[np.float64], groups: NDArray[np.int64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values by group, S×G, whose mean over groups is each seed's mean over images.

    A mean over images of groups that differ in size is a ratio. Its first-order expansion is centred on the mean;
    without, sizes alone would make groups differ.
    """
    members = group_index(groups)
    means = (values * shares).mean(axis=1, keepdims=True)
    summed = np.stack([np.bincount(members, row) for row in (values - means) * shares])
    return means + summed * summed.shape[1] / len(groups)


def _standard_errors(differences: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Of the mean of S×G differences, with degrees of freedom: over seeds alone, and over seeds and groups."""
    seeds, groups = differences.shape
    of_seeds = float(differences.mean(axis=1).var(ddof=1)) / seeds
    of_groups = float(differences.mean(axis=0).var(ddof=1)) / groups
    total = of_seeds + of_groups
    satterthwaite = of_seeds**2 / (seeds - 1) + of_groups**2 / (groups - 1)
    freedom = total**2 / satterthwaite if satterthwaite > 0 else math.inf
    return [(math.sqrt(of_seeds), seeds - 1), (math.sqrt(total), freedom)]


def _p_value(mean: float, error: float, freedom: float) -> float:
    if error <= np.finfo(float).eps:  # what rounding leaves of none: nothing varies
        return float(abs(mean) <= np.finfo(float).eps)
    return float(2 * stats.t.sf(abs(mean) / error, freedom))
