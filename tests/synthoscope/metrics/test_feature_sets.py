import numpy as np
import pytest

from synthoscope.metrics.feature_sets import checked_features, comparable_features


def test_copies_nothing():
    first, second = np.ones((2, 3), np.float32), np.ones((4, 3), np.int64)
    a, b = comparable_features(first, second)
    assert a is first
    assert b is second


@pytest.mark.parametrize(
    "features",
    [np.ones((1, 3)), np.ones(3), np.ones((3, 0)), np.array([[1.0], [np.inf]]), np.r_[np.ones(2000), np.nan][:, None]],
)
def test_refuses_what_is_no_set(features):
    with pytest.raises(ValueError, match="features must"):
        checked_features(features)


def test_refuses_sets_of_different_dimensions():
    with pytest.raises(ValueError, match="same dimension: 3 and 4"):
        comparable_features(np.ones((2, 3)), np.ones((2, 4)))
