"""Mao et al. 2017, "Least Squares GANs", with targets 0 and 1 and without the factor of a half.

Each term takes the discriminator's outputs, N, which are no logits here, and returns a scalar.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def real_is_one(outputs: Tensor) -> Tensor:
    """The discriminator's loss on real images, and the generator's on its own."""
    return F.mse_loss(outputs, torch.ones_like(outputs))


def generated_is_zero(outputs: Tensor) -> Tensor:
    """The discriminator's loss on generated images."""
    return F.mse_loss(outputs, torch.zeros_like(outputs))
