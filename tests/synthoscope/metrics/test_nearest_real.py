import numpy as np
import pytest
from photographs import degraded

from synthoscope.metrics.mse import mse
from synthoscope.metrics.nearest_real import MOST_DECIBELS, nearest_real, reduced
from synthoscope.metrics.psnr import psnr
from synthoscope.metrics.ssim import ssim


def test_numbers_are_those_of_the_pairs():
    real, noisy = degraded(n=20, size=64, channels=3)
    found = nearest_real(noisy[::-1], real)
    assert found.psnr == pytest.approx(psnr(noisy, real).mean())
    assert found.ssim == pytest.approx(ssim(noisy, real).mean())
    assert found.mse == pytest.approx(mse(noisy, real).mean())


def test_copies_score_best_and_are_finite():
    real, _ = degraded(n=5)
    found = nearest_real(real[:2], real)
    assert (found.psnr, found.mse) == (MOST_DECIBELS, 0.0)
    assert found.ssim == pytest.approx(1.0)


@pytest.mark.parametrize(("size", "side"), [(28, 28), (64, 32), (128, 32), (96, 32), (100, 33)])
def test_reduces_by_whole_blocks(size, side):
    images, _ = degraded(n=2, size=size)
    found = reduced(images)
    assert found.shape == (2, side * side)
    block = size // side
    assert found[0, 0] == pytest.approx(images[0, :block, :block].mean())


def test_refuses_images_of_other_sizes():
    with pytest.raises(ValueError, match="size"):
        nearest_real(np.zeros((1, 32, 32), np.uint8), np.zeros((1, 64, 64), np.uint8))
