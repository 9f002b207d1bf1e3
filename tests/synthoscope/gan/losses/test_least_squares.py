import pytest
import torch

from synthoscope.gan.losses.least_squares import generated_is_zero, real_is_one


def test_squared_distances_from_the_targets():
    outputs = torch.tensor([-1.0, 0.0, 3.0])
    assert real_is_one(outputs).item() == pytest.approx((4 + 1 + 4) / 3)
    assert generated_is_zero(outputs).item() == pytest.approx((1 + 0 + 9) / 3)
