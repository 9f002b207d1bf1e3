import math

import pytest
import torch

from synthoscope.gan.losses.relativistic import generated_beats_real, real_beats_generated

REAL, GENERATED = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 2.0])


def test_softplus_of_the_difference_of_each_pair():
    def softplus(x):
        return math.log(1 + math.exp(x))

    expected = (softplus(-0.5) + softplus(4)) / 2
    assert real_beats_generated(REAL, GENERATED).item() == pytest.approx(expected, rel=1e-6)
    assert generated_beats_real(REAL, GENERATED).item() == pytest.approx((softplus(0.5) + softplus(-4)) / 2, rel=1e-6)


def test_only_differences_count():
    shifted = real_beats_generated(REAL + 100, GENERATED + 100)
    torch.testing.assert_close(shifted, real_beats_generated(REAL, GENERATED))
