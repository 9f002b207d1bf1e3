"""Against gradients written out by hand: of a linear critic, and of a quadratic one."""

import pytest
import torch

from synthoscope.gan.losses.penalties import half_squared_gradient, squared_weights, unit_gradient


def test_of_a_quadratic_critic():
    images = torch.randn(3, 1, 2, 2, requires_grad=True)
    logits = images.square().sum((1, 2, 3)) * 3
    expected = (36 * images.detach().square().sum((1, 2, 3))).mean() / 2
    torch.testing.assert_close(half_squared_gradient(logits, images), expected)


def test_the_penalty_can_be_learned_from():
    weight = torch.tensor(2.0, requires_grad=True)
    images = torch.randn(3, 1, 2, 2, requires_grad=True)
    half_squared_gradient((weight * images).sum((1, 2, 3)), images).backward()
    assert weight.grad.item() == pytest.approx(4 * 2)  # d/dw of (4 w²) / 2


def test_a_linear_critic_of_slope_one_pays_nothing():
    direction = torch.randn(1, 2, 2)
    direction = direction / direction.norm()
    real, generated, where = torch.randn(5, 1, 2, 2), torch.randn(5, 1, 2, 2), torch.rand(5)

    def critic(images):
        return (images * direction).sum((1, 2, 3))

    assert unit_gradient(critic, real, generated, where).item() == pytest.approx(0, abs=1e-10)
    three = unit_gradient(lambda images: 3 * critic(images), real, generated, where)
    assert three.item() == pytest.approx(4, rel=1e-5)


def test_the_gradient_is_taken_between_the_images():
    real, generated, where = torch.ones(2, 1, 1, 1), torch.zeros(2, 1, 1, 1), torch.tensor([0.25, 1.0])
    seen = []

    def critic(images):
        seen.append(images.detach().flatten().tolist())
        return images.sum((1, 2, 3))

    unit_gradient(critic, real, generated, where)
    assert seen == [[0.25, 1.0]]


def test_sum_of_squares():
    assert squared_weights([torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])]).item() == 14
