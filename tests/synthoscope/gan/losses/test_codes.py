import math

import pytest
import torch

from synthoscope.gan.losses.codes import shows_category, shows_class, shows_continuous


def test_cross_entropies():
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    expected = (-math.log(math.e**2 / (math.e**2 + 1)) - math.log(1 / (1 + math.e))) / 2
    assert shows_class(logits, labels).item() == pytest.approx(expected, rel=1e-6)
    assert shows_category(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_half_the_squared_distance_of_continuous_codes():
    assert shows_continuous(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])).item() == pytest.approx(2.5)
