import numpy as np
import pytest
from photographs import degraded

from synthoscope.metrics.mse import mse


@pytest.mark.parametrize("channels", [None, 3])
def test_is_the_mean_of_squares(channels):
    a, b = degraded(channels=channels)
    expected = [np.mean((x.astype(float) - y.astype(float)) ** 2) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(mse(a, b), expected, rtol=1e-12)


def test_does_not_wrap_around():
    assert mse(np.zeros((1, 4, 4), np.uint8), np.full((1, 4, 4), 255, np.uint8)) == [255.0**2]


def test_no_images_have_no_errors():
    assert mse(np.zeros((0, 4, 4), np.uint8), np.zeros((0, 4, 4), np.uint8)).shape == (0,)
