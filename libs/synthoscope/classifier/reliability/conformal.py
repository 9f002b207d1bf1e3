"""Prediction sets that hold the true class with a chosen probability, whatever the classifier (split conformal).

Vovk et al. 2005; the score is that of Sadinle et al. 2019 ("least ambiguous sets"), as the negative logarithm of the
calibrated probability, so that probabilities that round to 1 are still told apart. A set may be empty: no class is
likely enough for the image to be one of those that the threshold was fitted on. Were the likeliest class always put in,
the sets of a classifier that is 99 % accurate would hold 99 %, and say nothing.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.bootstrap import group_index

COVERAGE = 0.9
SPLITS = 100


@dataclass(frozen=True)
class SetsMeasured:
    """Means over re-splits: the share of sets that hold their image's class, classes a set, the share of empty sets."""

    measured_coverage: float
    mean_set_size: float
    empty_sets: float


def fit_threshold(scores: NDArray[np.float64], coverage: float = COVERAGE) -> float:
    """The largest score of a class within a set, of the true classes' scores N on held-out images.

    The smallest that makes sets of new images hold their class with probability `coverage`: the ⌈(N + 1)·coverage⌉-th
    smallest score. Infinite when N is too small to promise it; every class is in every set then.
    Raises ValueError when the coverage is not in (0, 1), or a score is no number.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must be in (0, 1), not {coverage}")
    if np.isnan(scores).any():
        raise ValueError("scores must be numbers")
    rank = math.ceil((len(scores) + 1) * coverage)
    return math.inf if rank > len(scores) else float(np.partition(scores, rank - 1)[rank - 1])


def prediction_sets(log_probabilities: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Which classes are in each image's set, N×C."""
    return -log_probabilities <= threshold


def measure(
    log_probabilities: NDArray[np.float64],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    coverage: float = COVERAGE,
    splits: int = SPLITS,
    seed: int = 0,
) -> SetsMeasured:
    """How sets turn out on one half of the images with the threshold fitted on the other: means of splits by group.

    Of log probabilities N×C, labels N and groups N; an image of a negative group is a group of its own. With a single
    group nothing can be split off: both halves are all images. Raises as `fit_threshold`.
    """
    generator, members = np.random.default_rng(seed), group_index(groups)
    count = int(members.max()) + 1
    found = []
    for _ in range(splits):
        fitted = generator.permutation(count)[: count // 2]
        in_first = np.isin(members, fitted) if count > 1 else np.ones(len(members), bool)
        in_second = ~in_first if count > 1 else in_first
        scores = -log_probabilities[in_first, labels[in_first]]
        sets = prediction_sets(log_probabilities[in_second], fit_threshold(scores, coverage))
        sizes = sets.sum(axis=1)
        held = sets[np.arange(len(sets)), labels[in_second]]
        found.append((held.mean(), sizes.mean(), (sizes == 0).mean()))
    return SetsMeasured(*(float(value) for value in np.mean(found, axis=0)))
