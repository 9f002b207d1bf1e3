"""The first GAN's game. Each term takes the discriminator's logits, N, and returns their mean loss, a scalar.

Binary cross-entropy on the sigmoid of the logit, as the first seed paper; computed from the logit, which is the same
function without the overflow.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def real_is_real(logits: Tensor) -> Tensor:
    """The discriminator's loss on real images: -log sigmoid(logit)."""
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def generated_is_generated(logits: Tensor) -> Tensor:
    """The discriminator's loss on generated images: -log(1 - sigmoid(logit))."""
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


def generated_is_real(logits: Tensor) -> Tensor:
    """The generator's loss, non-saturating (Goodfellow et al. 2014): -log sigmoid(logit) on generated images."""
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
