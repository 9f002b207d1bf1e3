import math

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from synthoscope.experiment.comparing import balancing_weights, compare

OWN = np.arange


def answers(generator, seeds, images, gain=0.0, between_seeds=0.15):
    """Right or wrong by seed and image of two arms: images differ in how easy they are, and seeds in how lucky."""
    easy = generator.normal(2.2, 1.8, images)
    lucky = generator.normal(0, between_seeds, (2, seeds, 1)) + np.array([gain, 0.0])[:, None, None]
    drawn = generator.random((2, seeds, images)) < 1 / (1 + np.exp(-(easy + lucky)))
    return drawn.astype(np.float64)


@pytest.mark.parametrize("between_seeds", [0.0, 0.15, 0.4])
def test_equals_are_told_apart_in_at_most_one_of_twenty_comparisons(between_seeds):
    generator = np.random.default_rng(1)
    runs = [compare(*answers(generator, 5, 600, 0.0, between_seeds), OWN(600)).p_value < 0.05 for _ in range(400)]
    assert np.mean(runs) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_a_gain_of_a_few_points_is_found_more_often_than_not():
    generator = np.random.default_rng(2)
    found = [compare(*answers(generator, 5, 1300, 0.4), OWN(1300)) for _ in range(60)]
    assert np.mean([item.difference for item in found]) == pytest.approx(0.04, abs=0.01)
    assert np.mean([item.p_value < 0.05 for item in found]) > 0.6


def test_copies_of_images_add_no_evidence():
    generator = np.random.default_rng(3)
    arm, reference = answers(generator, 5, 100, 0.5)
    once = compare(arm, reference, OWN(100))
    often = compare(np.repeat(arm, 4, axis=1), np.repeat(reference, 4, axis=1), np.repeat(OWN(100), 4))
    assert often.groups == 100
    assert (often.p_value, often.low) == (pytest.approx(once.p_value), pytest.approx(once.low))


def test_without_effects_of_images_it_is_the_paired_t_test_over_seeds():
    by_seed = np.array([0.01, 0.03, -0.01, 0.02, 0.04])
    found = compare(np.tile(by_seed[:, None], (1, 50)), np.zeros((5, 50)), OWN(50))
    assert found.p_value == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue)
    interval = stats.ttest_1samp(by_seed, 0).confidence_interval()
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert found.effect_size == pytest.approx(by_seed.mean() / by_seed.std(ddof=1))
    assert found.effect_low < found.effect_size < found.effect_high


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


def test_what_cannot_be_compared_says_why():
    with pytest.raises(ValueError, match="at least 2 seeds"):
        compare(np.ones((1, 9)), np.ones((1, 9)), OWN(9))
    with pytest.raises(ValueError, match="2 groups"):
        compare(np.ones((3, 9)), np.ones((3, 9)), np.zeros(9, np.int64))
    with pytest.raises(ValueError, match="seeds × 9 images"):
        compare(np.ones((3, 8)), np.ones((3, 9)), OWN(9))


def learned(generator, count, test, seeds=5):
    """Right or wrong on test images of classifiers that learned `count` fresh examples each."""
    images, labels = test
    rows = []
    for _ in range(seeds):
        x, y = problem(generator, count)
        rows.append(LogisticRegression(max_iter=200).fit(x, y).predict(images) == labels)
    return np.array(rows, np.float64)


def problem(generator, count):
    labels = np.arange(count) % 3
    return generator.normal(size=(count, 8)) + 1.2 * np.eye(3, 8)[labels], labels


@pytest.mark.training
def test_a_planted_gain_is_found_and_a_planted_null_is_not():
    """200 experiments on a small problem: more examples of the real kind are a gain, as many others are none."""
    generator = np.random.default_rng(4)
    nulls, gains = [], []
    for run in range(200):
        test = problem(generator, 300)
        few, as_few = learned(generator, 30, test), learned(generator, 30, test)
        nulls.append(compare(as_few, few, OWN(300)).p_value < 0.05)
        if run % 10 == 0:
            gains.append(compare(learned(generator, 300, test), few, OWN(300)).p_value < 0.05)
    assert sum(nulls) <= 10  # 5 % of 200
    assert np.mean(gains) > 0.8
