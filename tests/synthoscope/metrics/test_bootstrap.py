import numpy as np
import pytest

from synthoscope.metrics.bootstrap import group_index, intervals, resampling_weights


def test_images_of_one_group_are_drawn_together():
    weights = resampling_weights(np.array([5, 5, 9, 9, 9, -1]), seed=1, resamples=50)
    assert weights.shape == (50, 6)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert (weights[:, 0] + weights[:, 2] + weights[:, 5] == 3).all()
    assert np.array_equal(weights, resampling_weights(np.array([5, 5, 9, 9, 9, -1]), seed=1, resamples=50))


def test_negative_groups_are_groups_of_their_own():
    assert len(set(group_index(np.array([-1, -1, 3, 3])))) == 3


def test_intervals_leave_out_what_was_not_measured():
    found = intervals({"a": np.array([np.nan, 1.0, 2.0]), "b": np.full(3, np.nan)})
    assert set(found) == {"a"}
    assert 1.0 <= found["a"].low <= found["a"].high <= 2.0


def coverage(by_group: bool) -> float:
    """How often the interval of a mean holds the true one, of 40 groups of 8 images that agree within the group."""
    generator, held, runs = np.random.default_rng(0), 0, 300
    groups = np.repeat(np.arange(40), 8)
    for run in range(runs):
        right = np.repeat(generator.random(40) < 0.8, 8).astype(np.float64)
        weights = resampling_weights(groups if by_group else np.arange(320), seed=run, resamples=400)
        interval = intervals({"a": weights @ right / weights.sum(axis=1)})["a"]
        held += interval.low <= 0.8 <= interval.high
    return held / runs


def test_intervals_hold_the_truth_only_when_groups_are_drawn():
    assert coverage(by_group=True) == pytest.approx(0.95, abs=0.05)
    assert coverage(by_group=False) < 0.7
