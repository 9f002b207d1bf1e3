import numpy as np
import pytest
import scipy.linalg
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from synthoscope.metrics.frechet_distance import frechet_distance


def _sample(n, d, seed, scale=1.0, shift=0.0):
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(d, d))
    return scale * generator.normal(size=(n, d)) @ mixing + shift


def _by_scipy(a, b):
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariance_a @ covariance_b)
    difference = a.mean(axis=0) - b.mean(axis=0)
    return difference @ difference + np.trace(covariance_a + covariance_b - 2 * root.real)


@pytest.mark.parametrize(("n", "m"), [(200, 300), (300, 200), (50, 400)])
def test_equals_the_formula_with_scipys_matrix_root(n, m):
    a, b = _sample(n, 16, 0), _sample(m, 16, 1, scale=1.5, shift=0.3)
    assert frechet_distance(a, b) == pytest.approx(_by_scipy(a, b), rel=1e-8)


@pytest.mark.parametrize("shift", [0.05, 0.5])
def test_agrees_with_torchmetrics_on_the_same_features(shift):
    class Same(torch.nn.Module):
        num_features = 16

        def forward(self, given):
            return given

    a, b = _sample(300, 16, 0), _sample(400, 16, 1, shift=shift)
    theirs = FrechetInceptionDistance(feature=Same()).set_dtype(torch.float64)
    theirs.update(torch.from_numpy(a), real=True)
    theirs.update(torch.from_numpy(b), real=False)
    assert frechet_distance(a, b) == pytest.approx(float(theirs.compute()), rel=1e-3)


def test_equals_the_closed_form_for_one_dimension():
    generator = np.random.default_rng(0)
    a, b = generator.normal(0.0, 1.0, size=(500, 1)), generator.normal(3.0, 2.0, size=(700, 1))
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)


def test_approaches_the_distance_between_the_gaussians_themselves():
    generator = np.random.default_rng(0)
    a, b = generator.normal(0.0, 1.0, size=(200_000, 3)), generator.normal(1.0, 2.0, size=(200_000, 3))
    assert frechet_distance(a, b) == pytest.approx(3 * (1.0 + 1.0), rel=0.02)


def test_a_shift_gives_its_squared_length():
    a = _sample(100, 8, 0)
    shift = np.arange(8.0)
    assert frechet_distance(a, a + shift) == pytest.approx(shift @ shift, rel=1e-9)


def test_is_symmetric_and_zero_for_the_same_set():
    a, b = _sample(80, 12, 0), _sample(90, 12, 1)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-10)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-8)


def test_fewer_samples_than_dimensions_is_finite_and_larger_than_with_many():
    generator = np.random.default_rng(0)
    few = [generator.normal(size=(20, 64)) for _ in range(2)]
    many = [generator.normal(size=(5000, 64)) for _ in range(2)]
    assert frechet_distance(*few) > 10 * frechet_distance(*many) >= 0.0


def test_fewer_samples_than_dimensions_agrees_with_the_way_for_many():
    # Zero columns leave the distance as it is, but take the other branch.
    a, b = _sample(40, 10, 0), _sample(40, 10, 1)
    padded = [np.concatenate([x, np.zeros((40, 60))], axis=1) for x in (a, b)]
    assert frechet_distance(*padded) == pytest.approx(frechet_distance(a, b), rel=1e-9)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros((1, 4)), np.zeros((5, 4))),
        (np.zeros(4), np.zeros((5, 4))),
        (np.zeros((5, 3)), np.zeros((5, 4))),
        (np.full((5, 4), np.nan), np.zeros((5, 4))),
    ],
)
def test_refuses_what_has_no_distance(a, b):
    with pytest.raises(ValueError, match="features must"):
        frechet_distance(a, b)
