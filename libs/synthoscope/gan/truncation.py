"""The truncation trick (Brock et al. 2019): images of latent numbers near the mean look better and more alike.

The paper draws numbers beyond the threshold again. Here each number takes the place in the truncated distribution that
it has in the whole one: the same distribution, of the same draw, so an image changes smoothly with the threshold.
"""

import math

import torch
from torch import Tensor


def truncated_normal(numbers: Tensor, threshold: float) -> Tensor:
    """Standard normal numbers, of any shape, as standard normal ones within [-threshold, threshold]; threshold > 0."""
    inside = math.erf(threshold / math.sqrt(2))
    places = torch.erf(numbers.double() / math.sqrt(2)) * inside
    return (math.sqrt(2) * torch.erfinv(places)).clamp(-threshold, threshold).to(numbers.dtype)
