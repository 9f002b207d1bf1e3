import itertools

import numpy as np
import pytest
from scipy import stats

from synthoscope.metrics.sign_flip import sign_flip_p_value


@pytest.mark.parametrize(("ahead", "behind"), [(0, 5), (3, 9), (10, 4), (0, 0), (400, 450)])
def test_single_images_make_it_mcnemar_s_exact_test(ahead, behind):
    differences = np.array([1] * ahead + [-1] * behind + [0] * 7)
    expected = stats.binomtest(ahead, ahead + behind, alternative="less").pvalue if ahead + behind else 1.0
    assert sign_flip_p_value(differences, np.arange(len(differences))) == pytest.approx(expected)


def test_groups_flip_as_a_whole():
    random = np.random.default_rng(0)
    for _ in range(20):
        groups = random.integers(0, 8, 30)
        differences = random.integers(-1, 2, 30)
        sums = np.bincount(groups, differences, minlength=8)
        flipped = [np.dot(signs, sums) for signs in itertools.product((-1, 1), repeat=8)]
        assert sign_flip_p_value(differences, groups) == pytest.approx(np.mean(np.array(flipped) <= sums.sum()))


def test_another_implementation_agrees():
    differences = np.array([1, -1, -1, 0, 2, -3, -1, -1, 1, -2])

    def total(values, axis):
        return values.sum(axis=axis)

    expected = stats.permutation_test(
        (differences,), total, permutation_type="samples", n_resamples=np.inf, alternative="less"
    )
    assert sign_flip_p_value(differences, np.arange(10)) == pytest.approx(expected.pvalue)


def test_copies_are_no_evidence_of_their_own():
    differences = -np.ones(12, int)
    assert sign_flip_p_value(differences, np.arange(12)) == pytest.approx(2**-12)
    assert sign_flip_p_value(differences, np.full(12, -1)) == pytest.approx(2**-12)
    assert sign_flip_p_value(differences, np.repeat([0, 1, 2], 4)) == pytest.approx(2**-3)


def test_equals_are_seldom_said_to_differ():
    random = np.random.default_rng(3)
    p_values = []
    for _ in range(400):
        groups = random.integers(0, 60, 200)
        p_values.append(sign_flip_p_value(random.choice([-1, 1], 60)[groups] * random.integers(0, 2, 200), groups))
    assert 0.01 < np.mean(np.array(p_values) < 0.05) < 0.08


@pytest.mark.parametrize(("differences", "groups"), [([1, 2], [0]), ([0.5], [0]), ([np.nan], [0]), ([[1]], [[0]])])
def test_what_is_no_list_of_whole_numbers_is_refused(differences, groups):
    with pytest.raises(ValueError, match="whole numbers"):
        sign_flip_p_value(differences, groups)


def test_no_images_show_nothing():
    assert sign_flip_p_value(np.array([], int), []) == 1.0
