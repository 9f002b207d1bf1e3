import numpy as np
import pytest

from synthoscope.classifier.data import LabelledPixels
from synthoscope.classifier.data import hold_out as hold_out_groups
from synthoscope.rpc.errors import FailedPrecondition


def pixels(labels, first=0):
    """Images that can be told apart: each is filled with its number."""
    count = len(labels)
    values = np.arange(first, first + count, dtype=np.uint8)[:, None, None, None]
    return LabelledPixels(np.broadcast_to(values, (count, 2, 2, 3)).copy(), np.array(labels, np.int64))


def numbers(part):
    return part.images[:, 0, 0, 0].tolist()


def hold_out(real, synthetic, fraction, seed, groups=None):
    groups = np.arange(len(real)) if groups is None else np.array(groups)
    return hold_out_groups(real, synthetic, groups, fraction, seed)


def test_each_class_gives_its_share():
    data = hold_out(pixels([0] * 20 + [1] * 40), None, 0.1, seed=3)
    assert np.bincount(data.validation.labels).tolist() == [2, 4]
    assert sorted(numbers(data.training) + numbers(data.validation)) == list(range(60))


def test_validation_never_holds_a_synthetic_image():
    synthetic = pixels([0, 1] * 10, first=100)
    for seed in range(20):
        data = hold_out(pixels([0] * 10 + [1] * 10), synthetic, 0.5, seed)
        assert max(numbers(data.validation)) < 100
        assert set(range(100, 120)) <= set(numbers(data.training))


def test_synthetic_images_leave_the_held_out_ones_as_they_are():
    real = pixels([0] * 10 + [1] * 10)
    with_them, without = hold_out(real, pixels([0], first=100), 0.2, 5), hold_out(real, None, 0.2, 5)
    assert numbers(with_them.validation) == numbers(without.validation)


def test_small_classes_keep_an_image_on_either_side():
    data = hold_out(pixels([0, 0, 1, 1, 1]), None, 0.01, seed=0)
    assert np.bincount(data.validation.labels).tolist() == [1, 1]
    with pytest.raises(FailedPrecondition, match="at least 2"):
        hold_out(pixels([0, 0, 1]), None, 0.1, seed=0)


@pytest.mark.parametrize("seed", range(5))
def test_findings_keep_their_shares_and_their_combinations_may_be_single(seed):
    """Labels are 20 combinations of 5 findings, some of one image, as in sets with many findings."""
    generator = np.random.default_rng(seed)
    findings = generator.random((200, 5)) < (0.5, 0.3, 0.2, 0.1, 0.1)
    _, labels = np.unique(findings, axis=0, return_inverse=True)
    assert np.bincount(labels).min() == 1
    real, each = pixels(labels.ravel()), np.arange(200)
    with pytest.raises(FailedPrecondition, match="at least 2"):
        hold_out_groups(real, None, each, 0.2, seed)
    data = hold_out_groups(real, None, each, 0.2, seed, findings)
    shares = findings[data.held_out].sum(axis=0) / findings.sum(axis=0)
    np.testing.assert_allclose(shares, 0.2, atol=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_on_one_side_and_classes_keep_their_shares(seed):
    generator = np.random.default_rng(seed)
    labels = generator.choice(3, 250, p=[0.6, 0.3, 0.1])
    groups = generator.integers(0, 100, 250)
    data = hold_out(pixels(labels), None, 0.2, seed, groups)
    sides = {0: numbers(data.training), 1: numbers(data.validation)}
    assert sorted(sides[0] + sides[1]) == list(range(250))
    assert not set(groups[sides[0]]) & set(groups[sides[1]])
    assert np.abs(np.bincount(labels[sides[1]]) - 0.2 * np.bincount(labels)).max() <= 2
    assert numbers(hold_out(pixels(labels), None, 0.2, seed, groups).validation) == sides[1]


def test_which_images_are_held_out_depends_on_the_seed():
    real = pixels([0] * 50 + [1] * 50)
    assert len({tuple(numbers(hold_out(real, None, 0.1, seed).validation)) for seed in range(5)}) == 5


def test_a_class_of_one_group_is_for_training_only():
    data = hold_out(pixels([0] * 6 + [1] * 6), None, 0.5, seed=0, groups=[0] * 6 + [1, 2, 3, 4, 5, 6])
    assert set(range(6)) <= set(numbers(data.training))
    assert set(data.validation.labels) == {1}
    with pytest.raises(FailedPrecondition, match="copies of one picture, or of one patient"):
        hold_out(pixels([0] * 6 + [1] * 6), None, 0.5, seed=0, groups=[0] * 6 + [1] * 6)


def test_a_class_of_two_groups_has_the_smaller_one_held_out():
    data = hold_out(pixels([0] * 6 + [1] * 6), None, 0.1, seed=0, groups=[0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3])
    assert np.bincount(data.validation.labels).tolist() == [2, 3]


def test_what_is_for_training_alone_is_never_held_out():
    for seed in range(10):
        data = hold_out(pixels([0, 1] * 10), None, 0.3, seed, groups=[-1] * 4 + list(range(16)))
        assert set(range(4)) <= set(numbers(data.training))
        assert np.bincount(data.validation.labels).tolist() == [2, 2]
