import numpy as np
import pytest
from photographs import degraded
from skimage.metrics import peak_signal_noise_ratio

from synthoscope.metrics.psnr import psnr


@pytest.mark.parametrize("channels", [None, 3])
def test_agrees_with_scikit_image(channels):
    a, b = degraded(channels=channels)
    expected = [peak_signal_noise_ratio(x, y, data_range=255) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(psnr(a, b), expected, rtol=1e-9)


def test_is_infinite_where_images_agree():
    a, b = degraded(n=2)
    b[1] = a[1]
    assert np.isinf(psnr(a, b)).tolist() == [False, True]
