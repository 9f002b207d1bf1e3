"""Arjovsky et al. 2017, "Wasserstein GAN". Each term takes the critic's scores, N, and returns a scalar."""

from torch import Tensor


def negative_distance(real: Tensor, generated: Tensor) -> Tensor:
    """The critic's loss: minus its estimate of the distance, which it is to enlarge."""
    return generated.mean() - real.mean()


def negative_score(generated: Tensor) -> Tensor:
    """The generator's loss."""
    return -generated.mean()
