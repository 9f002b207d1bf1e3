import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from photographs import degraded
from skimage.metrics import structural_similarity

from synthoscope.metrics.ssim import ssim


@pytest.mark.parametrize("noise", [2.0, 20.0, 90.0])
@pytest.mark.parametrize("channels", [None, 3])
def test_agrees_with_scikit_image(noise, channels):
    a, b = degraded(channels=channels, noise=noise)
    expected = [
        structural_similarity(
            x,
            y,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=None if channels is None else -1,
        )
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(ssim(a, b), expected, rtol=1e-6)


def test_sides_may_differ():
    a, b = degraded(n=1, size=64)
    expected = structural_similarity(
        a[0, :20], b[0, :20], data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(a[:, :20], b[:, :20])[0] == pytest.approx(expected, rel=1e-6)


@given(st.integers(0, 200))
def test_is_symmetric_and_one_for_the_same(seed):
    a, b = np.random.default_rng(seed).integers(0, 256, size=(2, 1, 16, 16), dtype=np.uint8)
    assert ssim(a, b)[0] == pytest.approx(ssim(b, a)[0], rel=1e-12)
    assert -1.0 <= ssim(a, b)[0] < 1.0
    assert ssim(a, a)[0] == pytest.approx(1.0, rel=1e-12)


def test_an_inverted_image_is_unlike():
    a, _ = degraded(n=2)
    assert (ssim(a, 255 - a) < 0).all()


def test_refuses_images_smaller_than_the_window():
    with pytest.raises(ValueError, match="at least 11 pixels, not 10×64"):
        ssim(np.zeros((1, 10, 64), np.uint8), np.zeros((1, 10, 64), np.uint8))
