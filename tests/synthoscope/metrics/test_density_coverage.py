import numpy as np
import pytest
from prdc import compute_prdc

from synthoscope.metrics.density_coverage import density_coverage


def points(n, seed, d=8, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize(("scale", "k"), [(1.0, 5), (0.6, 5), (1.5, 3)])
def test_agrees_with_prdc(scale, k, capsys):
    real, generated = points(500, 0), points(400, 1, scale=scale)
    theirs = compute_prdc(real, generated, nearest_k=k)
    ours = density_coverage(real, generated, k)
    assert ours.density == pytest.approx(theirs["density"], rel=1e-12)
    assert ours.coverage == theirs["coverage"]
    assert 0 < ours.coverage < 1


def test_one_distribution_has_density_one_and_the_coverage_that_the_paper_gives():
    found = density_coverage(points(2000, 0, d=4), points(2000, 1, d=4))
    assert found.density == pytest.approx(1.0, abs=0.05)
    assert found.coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_a_collapsed_generator_covers_little_though_it_is_dense():
    real = points(400, 0)
    found = density_coverage(real, real[:4].repeat(100, axis=0))
    assert found.density > 0.5
    assert found.coverage < 0.2


def test_an_outlier_among_the_real_sways_it_little():
    real, generated = points(300, 0), points(300, 1) + 4.0
    outlier = np.concatenate([real, np.full((1, 8), 8.0)])
    assert density_coverage(outlier, generated).density < 0.5
