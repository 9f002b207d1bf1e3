import numpy as np
import pytest

from synthoscope.metrics.feature_sets import comparable_features, finite_features


def test_gives_float64():
    a, b = comparable_features(np.ones((2, 3), np.float32), np.ones((4, 3), np.int64))
    assert a.dtype == b.dtype == np.float64
    assert (a.shape, b.shape) == ((2, 3), (4, 3))


@pytest.mark.parametrize("features", [np.ones((1, 3)), np.ones(3), np.ones((3, 0)), np.array([[1.0], [np.inf]])])
def test_refuses_what_is_no_set(features):
    with pytest.raises(ValueError, match="features must"):
        finite_features(features)


def test_refuses_sets_of_different_dimensions():
    with pytest.raises(ValueError, match="same dimension: 3 and 4"):
        comparable_features(np.ones((2, 3)), np.ones((2, 4)))
