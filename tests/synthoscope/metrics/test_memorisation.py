import numpy as np
import pytest
from scipy.stats import betabinom
from sklearn.metrics import roc_auc_score

from synthoscope.metrics.memorisation import _area, _beta_binomial_quantile, memorisation

D = 12


def points(n, seed):
    return np.random.default_rng(seed).normal(size=(n, D))


TRAIN, HELD_OUT = points(1000, 0), points(300, 1)


@pytest.mark.parametrize("seed", range(2, 12))
def test_an_honest_set_is_not_found(seed):
    found = memorisation(points(500, seed), TRAIN, HELD_OUT, seed)
    assert not found.found
    assert found.ratio == pytest.approx(1.0, abs=0.05)
    assert found.copies <= found.copy_limit
    assert found.membership == pytest.approx(0.5, abs=0.1)
    assert found.control == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2])
def test_a_set_of_training_images_is_found(noise):
    copies = TRAIN[:500] + noise * points(500, 2)
    found = memorisation(copies, TRAIN, HELD_OUT)
    assert found.found
    assert found.copies > 0.9
    assert found.membership > found.membership_limit
    assert found.ratio < 0.4


def test_some_copies_among_honest_images_are_found():
    mixed = np.concatenate([TRAIN[:60] + 0.01, points(440, 2)])
    found = memorisation(mixed, TRAIN, HELD_OUT)
    assert found.copies > found.copy_limit
    assert found.found


def test_mirrored_copies_are_found_in_the_versions_and_not_without():
    # Mirroring changes the features; here, it turns their order around.
    mirrored = TRAIN[:500, ::-1]
    alone = memorisation(mirrored, TRAIN, HELD_OUT)
    assert alone.copies <= alone.copy_limit
    both = memorisation(np.stack([mirrored, mirrored[:, ::-1]]), TRAIN, np.stack([HELD_OUT, HELD_OUT[:, ::-1]]))
    assert both.copies == 1.0
    assert both.found


def test_versions_do_not_make_honest_sets_suspicious():
    generated = points(500, 2)
    found = memorisation(np.stack([generated, generated[:, ::-1]]), TRAIN, np.stack([HELD_OUT, HELD_OUT[:, ::-1]]))
    assert not found.found


def test_copies_are_found_where_held_out_images_are_copies_too():
    # As in published sets, whose test images are partly training images.
    leaked = np.concatenate([TRAIN[:30], HELD_OUT])
    found = memorisation(TRAIN[:500].astype(np.float32), TRAIN.astype(np.float32), leaked)
    assert found.threshold == 0.0
    assert found.copies == 1.0
    assert found.copies > found.copy_limit


def test_few_held_out_images_make_the_limit_higher():
    generated = points(200, 2)
    few, many = (memorisation(generated, TRAIN, held) for held in (points(20, 3), points(5000, 3)))
    assert few.copy_limit > 5 * many.copy_limit


def test_refuses_different_versions():
    with pytest.raises(ValueError, match="versions"):
        memorisation(np.stack([HELD_OUT, HELD_OUT]), TRAIN, HELD_OUT)


@pytest.mark.parametrize(("count", "a", "b"), [(500, 3, 298), (5000, 10, 991), (20, 1, 20), (1, 1, 2)])
def test_the_limit_is_scipys_quantile(count, a, b):
    assert _beta_binomial_quantile(0.9999, count, a, b) == betabinom.ppf(0.9999, count, a, b)


def test_the_area_is_scikit_learns_with_ties():
    random = np.random.default_rng(0)
    members, strangers = random.integers(0, 20, 100) / 1.0, random.integers(5, 25, 60) / 1.0
    expected = roc_auc_score(np.repeat([1, 0], [100, 60]), -np.concatenate([members, strangers]))
    assert _area(members, strangers) == pytest.approx(expected)
