import pytest
import torch

from synthoscope.gan.losses.wasserstein import negative_distance, negative_score


def test_differences_of_mean_scores():
    real, generated = torch.tensor([1.0, 3.0]), torch.tensor([-4.0, 0.0])
    assert negative_distance(real, generated).item() == pytest.approx(-2 - 2)
    assert negative_score(generated).item() == pytest.approx(2)
