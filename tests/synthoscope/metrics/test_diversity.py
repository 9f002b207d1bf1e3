import numpy as np
import pytest
from photographs import degraded

from synthoscope.metrics.diversity import pair_similarity
from synthoscope.metrics.ms_ssim import ms_ssim


def test_a_collapsed_set_is_far_more_alike():
    images, _ = degraded(n=40)
    collapsed = np.concatenate([degraded(n=1, noise=5.0, seed=seed)[1] for seed in [0] * 40])
    assert pair_similarity(collapsed) == pytest.approx(1.0)
    assert pair_similarity(images, pairs=100) < 0.3


def test_pairs_are_of_different_images():
    a, b = degraded(n=1)
    both = np.concatenate([a, b])
    assert pair_similarity(both, pairs=50) == pytest.approx(ms_ssim(a, b)[0])


def test_is_seeded():
    images, _ = degraded(n=20)
    assert pair_similarity(images, 20, seed=1) == pair_similarity(images, 20, seed=1)
    assert pair_similarity(images, 20, seed=1) != pair_similarity(images, 20, seed=2)


def test_refuses_a_single_image():
    with pytest.raises(ValueError, match="at least 2"):
        pair_similarity(degraded(n=1)[0])
