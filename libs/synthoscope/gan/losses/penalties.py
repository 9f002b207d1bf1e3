"""Penalties on the discriminator's gradient with respect to images, and on weights."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from synthoscope.training.precision import full_precision


def half_squared_gradient(logits: Tensor, images: Tensor) -> Tensor:
    """R1 at real images, R2 at generated ones (Mescheder et al. 2018): half the mean squared norm of the gradient.

    `logits`, N, were computed from `images`, which require gradients.
    """
    return _gradient(logits, images).square().flatten(1).sum(1).mean() / 2


def unit_gradient(critic: Callable[[Tensor], Tensor], real: Tensor, generated: Tensor, where: Tensor) -> Tensor:
    """WGAN-GP's penalty (Gulrajani et al. 2017): mean (norm of the gradient - 1)² at random points between images.

    `where`, N in [0, 1], says how far along the way from generated to real.
    """
    share = where.view(-1, 1, 1, 1)
    between = (share * real + (1 - share) * generated).detach().requires_grad_(True)
    norms = _gradient(critic(between), between).flatten(1).norm(dim=1)
    return (norms - 1).square().mean()


def squared_weights(weights: Iterable[Tensor]) -> Tensor:
    """The sum of squares, as Keras's L2 regulariser takes it."""
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def _gradient(logits: Tensor, images: Tensor) -> Tensor:
    with full_precision(images.device):
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient
