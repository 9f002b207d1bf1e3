"""The relativistic pairing loss (Jolicoeur-Martineau 2018; Huang et al. 2024, "The GAN is dead", R3GAN).

Every generated image is paired with a real one: what counts is which of the two looks more real. So the discriminator
cannot drop a mode without losing pairs there.
"""

from torch import Tensor
from torch.nn import functional as F


def real_beats_generated(real: Tensor, generated: Tensor) -> Tensor:
    """The discriminator's loss on logits, N each: mean softplus(generated - real)."""
    return F.softplus(generated - real).mean()


def generated_beats_real(real: Tensor, generated: Tensor) -> Tensor:
    """The generator's loss: mean softplus(real - generated)."""
    return F.softplus(real - generated).mean()
