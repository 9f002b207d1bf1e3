import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import pairwise_distances

from synthoscope.metrics.nearest import distance_blocks, nearest, neighbour_radii


def points(n, seed, d=6, at=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + at


@given(st.integers(1, 600), st.integers(1, 40), st.integers(0, 5))
def test_distances_are_those_of_scikit_learn(n, m, seed):
    a, b = points(n, seed), points(m, seed + 1)
    found = np.concatenate([block for _, block in distance_blocks(a, b)])
    np.testing.assert_allclose(found, pairwise_distances(a, b), rtol=1e-7, atol=1e-7)
    indices, distances = nearest(a, b)
    np.testing.assert_array_equal(indices, pairwise_distances(a, b).argmin(axis=1))
    np.testing.assert_allclose(distances, pairwise_distances(a, b).min(axis=1), rtol=1e-7, atol=1e-7)


def test_far_from_the_origin_equal_is_still_zero_and_near_is_not():
    a = points(300, 0, at=1000.0)
    copies = a.astype(np.float32).astype(np.float64)
    indices, distances = nearest(copies + 1e-6, a)
    np.testing.assert_array_equal(indices, np.arange(300))
    assert (nearest(a, a)[1] == 0.0).all()
    np.testing.assert_allclose(nearest(a + 0.01, a)[1], 0.01 * np.sqrt(6), rtol=1e-3)
    assert distances.max() < 1e-3


def test_radii_leave_the_point_itself_out():
    a = points(400, 0)
    np.testing.assert_allclose(neighbour_radii(a, 3), np.sort(pairwise_distances(a), axis=1)[:, 3], rtol=1e-7)
    twice = np.repeat(a, 2, axis=0)
    assert (neighbour_radii(twice, 1) == 0.0).all()


@pytest.mark.parametrize("k", [0, 5, 6])
def test_refuses_more_neighbours_than_there_are(k):
    with pytest.raises(ValueError, match="neighbours"):
        neighbour_radii(points(5, 0), k)
