import numpy as np
import pytest
from prdc import compute_prdc

from synthoscope.metrics.precision_recall import precision_recall


def points(n, seed, d=8, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize(("scale", "k"), [(1.0, 3), (0.6, 3), (1.5, 5)])
def test_agrees_with_prdc(scale, k, capsys):
    real, generated = points(500, 0), points(400, 1, scale=scale)
    theirs = compute_prdc(real, generated, nearest_k=k)
    ours = precision_recall(real, generated, k)
    assert (ours.precision, ours.recall) == (theirs["precision"], theirs["recall"])
    assert 0 < ours.precision < 1


def test_a_collapsed_generator_is_precise_and_recalls_little():
    real = points(400, 0)
    collapsed = real[:4].repeat(100, axis=0)
    found = precision_recall(real, collapsed)
    assert found.precision == 1.0
    assert found.recall < 0.05


def test_noise_far_away_is_neither():
    found = precision_recall(points(200, 0), points(200, 1) + 100.0)
    assert (found.precision, found.recall) == (0.0, 0.0)


def test_the_same_set_is_both():
    found = precision_recall(points(100, 0), points(100, 0))
    assert (found.precision, found.recall) == (1.0, 1.0)


def test_refuses_fewer_images_than_neighbours():
    with pytest.raises(ValueError, match="neighbours"):
        precision_recall(points(50, 0), points(3, 1))
