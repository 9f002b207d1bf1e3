"""The default, preset "r3": R3GAN's recipe (Huang et al. 2024) sized for small sets.

Relativistic pairing, R1 and R2 every step and easing off, no normalisation, averaged weights, differentiable changes
that set in slowly, and a condition on the class that does so too.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from synthoscope.gan.architectures import residual
from synthoscope.gan.families.family import Family, Networks
from synthoscope.gan.losses.relativistic import generated_beats_real, real_beats_generated


class R3(Family):
    """Every generated image against a real one."""

    latent_size = residual.LATENT
    discriminator_sees_pairs = True

    def networks(self) -> Networks:
        """Networks of the configured size and width."""
        config = self.config
        common = (config.image_size, config.channels, config.width, self.classes)
        discriminator = residual.Discriminator(*common, minibatch=config.minibatch_discrimination)
        return Networks(residual.Generator(*common), discriminator)

    def initialise(self, network: nn.Module, numbers: torch.Generator) -> None:
        """By Fixup."""
        residual.initialise(network, numbers)

    def begin_step(self, networks: Networks, progress: float) -> None:
        """Sets how much the class counts."""
        ramp = self.config.class_ramp
        strength = 1.0 if progress >= ramp else progress / ramp
        for network in (networks.generator, networks.discriminator):
            network.get_buffer("strength").fill_(strength)

    def discriminator_term(self, real: Tensor, generated: Tensor) -> Tensor:
        """Real beats generated."""
        return real_beats_generated(real, generated)

    def generator_term(self, generated: Tensor, real: Tensor | None) -> Tensor:
        """Generated beats real."""
        assert real is not None  # noqa: S101 — given, since it sees pairs
        return generated_beats_real(real, generated)

    def score_metrics(self, real: Tensor, generated: Tensor) -> dict[str, Tensor]:
        """Mean scores, of which only the difference means something, and how often real beats generated."""
        beaten = torch.sigmoid(real - generated).mean()
        return {"real_score": real.mean(), "generated_score": generated.mean(), "pair_probability": beaten}

    def certainty(self, metrics: Mapping[str, float]) -> float | None:
        """How surely real beats generated."""
        return metrics["pair_probability"]
