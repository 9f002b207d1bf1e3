import numpy as np

from synthoscope.datasets.fields import blur, grow, smooth_noise


def test_noise_is_smooth_and_standardised() -> None:
    rough, smooth = (smooth_noise(np.random.default_rng(0), 64, width) for width in (1.0, 6.0))
    for field in (rough, smooth):
        assert field.dtype == np.float32
        assert abs(field.mean()) < 1e-3
        assert abs(field.std() - 1) < 1e-3
    assert np.abs(np.diff(smooth)).mean() < 0.3 * np.abs(np.diff(rough)).mean()


def test_blurring_spreads_a_point_as_a_gaussian_and_keeps_the_sum() -> None:
    point = np.zeros((33, 33), np.float32)
    point[16, 16] = 1.0
    blurred = blur(point, 2.0)
    assert abs(blurred.sum() - 1) < 1e-5
    assert abs(blurred[16, 18] / blurred[16, 16] - np.exp(-0.5)) < 0.01


def test_a_mask_grows_by_steps() -> None:
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True
    assert grow(mask, 1).sum() == 5
    assert grow(mask, 2).sum() == 13
    assert grow(mask, 0) is mask
