import math

import pytest
import torch
from scipy import stats

from synthoscope.gan.truncation import truncated_normal


@pytest.mark.parametrize("threshold", [0.04, 0.7, 2.0])
def test_numbers_become_those_of_a_truncated_normal_distribution(threshold):
    numbers = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    truncated = truncated_normal(numbers, threshold)
    assert truncated.abs().max() <= threshold
    assert stats.kstest(truncated.numpy(), stats.truncnorm(-threshold, threshold).cdf).pvalue > 0.01
    assert torch.equal(truncated.argsort(), numbers.argsort())


def test_a_wide_threshold_changes_little_and_extremes_stay_finite():
    numbers = torch.linspace(-3, 3, 50)
    torch.testing.assert_close(truncated_normal(numbers, 8.0), numbers, rtol=1e-6, atol=1e-6)
    assert truncated_normal(torch.tensor([-30.0, 0.0, 30.0]), 0.5).tolist() == [-0.5, 0.0, 0.5]


def test_values_by_hand():
    # Phi(1) = 0.8413: the place 0.8413 of the distribution within [-1, 1], whose mass is 0.6827.
    place = 0.5 + 0.6827 * (0.8413 - 0.5)
    expected = stats.norm.ppf(place)
    assert math.isclose(float(truncated_normal(torch.tensor(1.0), 1.0)), expected, rel_tol=1e-3)
