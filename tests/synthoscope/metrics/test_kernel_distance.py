import numpy as np
import pytest
import torch
from torchmetrics.image.kid import KernelInceptionDistance, poly_mmd

from synthoscope.metrics import kernel_distance as module
from synthoscope.metrics.kernel_distance import kernel_distance, subset_kernel_distances


def features(n, seed, shift=0.0, d=32):
    return np.random.default_rng(seed).gamma(1.0, size=(n, d)) + shift


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_agrees_with_torchmetrics(shift):
    a, b = features(400, 0), features(400, 1, shift)
    theirs = poly_mmd(torch.from_numpy(a), torch.from_numpy(b))
    assert kernel_distance(a, b) == pytest.approx(float(theirs), rel=1e-9)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all extracted features")
def test_over_subsets_agrees_with_torchmetrics_on_the_same_features():

    class Same(torch.nn.Module):
        def forward(self, given):
            return given

    a, b = features(600, 0), features(600, 1, 0.3)
    theirs = KernelInceptionDistance(feature=Same(), subsets=1, subset_size=600)
    theirs.update(torch.from_numpy(a), real=True)
    theirs.update(torch.from_numpy(b), real=False)
    ours = subset_kernel_distances(a, b, subsets=3, size=600)
    assert ours.mean == pytest.approx(float(theirs.compute()[0]), rel=1e-3)
    assert ours.deviation == pytest.approx(0.0, abs=1e-12)  # every subset is the whole


def test_equals_its_definition_for_sets_of_different_sizes():
    a, b = features(5, 0, d=3), features(7, 1, d=3)

    def mean(x, y, same):
        values = [(u @ v / 3 + 1) ** 3 for i, u in enumerate(x) for j, v in enumerate(y) if not (same and i == j)]
        return np.mean(values)

    expected = mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)
    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-10)


def test_is_unbiased():
    distances = np.array([kernel_distance(features(20, 2 * seed), features(20, 2 * seed + 1)) for seed in range(300)])
    assert abs(distances.mean()) < 3 * distances.std() / np.sqrt(len(distances))
    assert (distances < 0).any()


def test_subsets_are_seeded_and_spread_around_the_whole():
    a, b = features(300, 0), features(300, 1, 0.3)
    once = subset_kernel_distances(a, b, subsets=20, size=100, seed=4)
    assert once == subset_kernel_distances(a, b, subsets=20, size=100, seed=4)
    assert once != subset_kernel_distances(a, b, subsets=20, size=100, seed=5)
    assert once.deviation > 0
    assert abs(once.mean - kernel_distance(a, b)) < once.deviation


def test_blocks_change_nothing(monkeypatch):
    a, b = features(70, 0), features(90, 1)
    whole = kernel_distance(a, b)
    monkeypatch.setattr(module, "_BLOCK", 7)
    assert kernel_distance(a, b) == pytest.approx(whole, rel=1e-9)
