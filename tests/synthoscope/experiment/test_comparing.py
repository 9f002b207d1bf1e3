import math

import numpy as np
import pytest
from scipy import stats

from benchmarks import planted_experiment as planted
from synthoscope.experiment.comparing import balancing_weights, compare

OWN = np.arange


def answers(random, images, gain=0.0, of_runs=0.15, of_images=0.4):
    """Right or wrong by seed and image of an arm and its reference."""
    return planted.drawn(random, [gain, 0.0], 5, images, of_runs, of_images)


@pytest.mark.parametrize(("of_runs", "of_images"), [(0.0, 0.0), (0.05, 0.7), (0.15, 0.4), (0.4, 0.0)])
def test_equals_are_told_apart_in_at_most_one_of_twenty_comparisons(of_runs, of_images):
    random = np.random.default_rng(1)
    found = [
        compare(*answers(random, 600, of_runs=of_runs, of_images=of_images), OWN(600)).p_value for _ in range(1000)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)


def test_a_gain_of_a_few_points_is_found_more_often_than_not():
    random = np.random.default_rng(2)
    found = [compare(*answers(random, 1300, 0.25, of_runs=0.05), OWN(1300)) for _ in range(100)]
    assert np.mean([item.difference for item in found]) == pytest.approx(0.027, abs=0.004)
    assert np.mean([item.p_value < 0.05 for item in found]) > 0.8


def test_its_intervals_hold_the_true_difference():
    random = np.random.default_rng(3)
    truth = np.mean([compare(*answers(random, 10_000, 0.3), OWN(10_000)).difference for _ in range(40)])
    found = [compare(*answers(random, 600, 0.3), OWN(600)) for _ in range(500)]
    assert np.mean([item.low <= truth <= item.high for item in found]) >= 0.93


@pytest.mark.training
@pytest.mark.parametrize("null", ["as many others", "another balance"])
def test_a_planted_null_is_found_in_at_most_five_percent_of_200_experiments(null):
    """With 300 test images 1 to 3 % are to be expected (the benchmark), so that 10 of 200 leave room for chance."""
    (row,) = planted.learned_rows(200, null, [300])
    assert row["found"]["compare"] <= 0.05


@pytest.mark.training
def test_a_planted_gain_is_found():
    """Ten times the examples. Whole experiments with their arms: test_planted_arms.py."""
    (row,) = planted.learned_rows(50, planted.ORACLE, [600])
    assert row["found"]["compare"] >= 0.9


def test_copies_of_images_add_no_evidence():
    arm, reference = answers(np.random.default_rng(4), 100, 0.5)
    once = compare(arm, reference, OWN(100))
    often = compare(np.repeat(arm, 4, axis=1), np.repeat(reference, 4, axis=1), np.repeat(OWN(100), 4))
    assert often.groups == 100
    assert (often.p_value, often.low) == (pytest.approx(once.p_value), pytest.approx(once.low))


def test_images_without_a_group_stand_for_themselves():
    arm, reference = answers(np.random.default_rng(5), 50)
    alone, numbered = compare(arm, reference, np.full(50, -1)), compare(arm, reference, OWN(50))
    assert alone.groups == 50
    assert alone.p_value == pytest.approx(numbered.p_value)


def test_groups_differ_by_what_is_in_them_not_by_their_sizes():
    groups = np.repeat(OWN(30), 1 + OWN(30) % 7)
    by_seed = np.array([0.4, 0.6, 0.5])
    found = compare(np.tile(by_seed[:, None], len(groups)), np.zeros((3, len(groups))), groups)
    assert found.difference == pytest.approx(0.5)
    assert found.p_value == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue)


def test_when_every_image_gains_alike_it_is_the_paired_t_test_over_seeds():
    by_seed = np.array([0.01, 0.03, -0.01, 0.02, 0.04])
    found = compare(np.tile(by_seed[:, None], (1, 50)), np.zeros((5, 50)), OWN(50))
    assert found.p_value == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue)
    interval = stats.ttest_1samp(by_seed, 0).confidence_interval()
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert (found.seeds, found.groups) == (5, 50)
    assert found.effect_size == pytest.approx(by_seed.mean() / by_seed.std(ddof=1))


def test_when_all_seeds_agree_it_is_the_paired_t_test_over_images():
    by_image = np.random.default_rng(6).integers(-1, 2, 80) * 1.0
    found = compare(np.tile(by_image, (5, 1)), np.zeros((5, 80)), OWN(80))
    assert found.p_value == pytest.approx(stats.ttest_1samp(by_image, 0).pvalue)
    assert math.isnan(found.effect_size)


def test_neither_many_images_nor_many_seeds_make_up_for_few_of_the_other():
    random = np.random.default_rng(7)
    for shape in ((3, 5000), (300, 20)):
        seeds, images = shape
        values = 0.02 + random.normal(0, 0.1, (seeds, 1)) + random.normal(0, 0.1, (1, images))
        found = compare(values, np.zeros(shape), OWN(images))
        assert found.high - found.low > 4 * 0.1 / math.sqrt(min(shape)) * 0.6


def test_the_interval_leaves_0_out_when_the_p_value_is_below_five_percent():
    random = np.random.default_rng(8)
    found = [compare(*answers(random, 200, random.uniform(0, 0.5)), OWN(200)) for _ in range(200)]
    assert {(item.p_value < 0.05) == (item.low > 0 or item.high < 0) for item in found} == {True}
    assert 20 < sum(item.p_value < 0.05 for item in found) < 180


def test_right_and_wrong_may_be_booleans_and_arms_may_be_exchanged():
    arm, reference = (values.astype(bool) for values in answers(np.random.default_rng(9), 60, 0.5))
    one, other = compare(arm, reference, OWN(60)), compare(reference, arm, OWN(60))
    assert one.p_value == pytest.approx(other.p_value)
    assert (one.low, one.high) == (pytest.approx(-other.high), pytest.approx(-other.low))


def test_balancing_weights_give_balanced_accuracy():
    labels = np.array([0] * 90 + [1] * 10)
    right = np.concatenate([np.ones(90), np.zeros(10)])[None].repeat(2, axis=0)
    found = compare(right, np.zeros((2, 100)), OWN(100), balancing_weights(labels))
    assert found.difference == pytest.approx(0.5)


def test_arms_that_never_differ():
    same = np.ones((3, 10))
    found = compare(same, same, OWN(10))
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert math.isnan(found.effect_size)


@pytest.mark.parametrize(("arm", "reference", "groups", "weights", "says"), [
    (np.ones((1, 9)), np.ones((1, 9)), OWN(9), None, "at least 2 seeds"),
    (np.ones((3, 9)), np.ones((3, 9)), np.zeros(9, np.int64), None, "2 groups"),
    (np.ones((3, 8)), np.ones((3, 9)), OWN(9), None, "seeds × 9 images"),
    (np.ones((3, 9)), np.ones((3, 9)), OWN(8), None, "seeds × 8 images"),
    (np.ones(9), np.ones(9), OWN(9), None, "seeds × 9 images"),
    (np.full((3, 9), np.nan), np.ones((3, 9)), OWN(9), None, "finite"),
    (np.ones((3, 9)), np.ones((3, 9)), OWN(9), np.ones(8), "weights must be 9"),
    (np.ones((3, 9)), np.ones((3, 9)), OWN(9), -np.ones(9), "at least 0"),
    (np.ones((3, 9)), np.ones((3, 9)), OWN(9), np.zeros(9), "not all 0"),
    (np.ones((3, 9)), np.ones((3, 9)), OWN(9), np.full(9, np.nan), "at least 0"),
])  # fmt: skip
def test_what_cannot_be_compared_says_why(arm, reference, groups, weights, says):
    with pytest.raises(ValueError, match=says):
        compare(arm, reference, groups, weights)
