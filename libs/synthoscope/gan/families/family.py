"""What a family of GANs is: its networks, a step's random numbers, and the two losses of the alternating game.

The base class holds what most families share: one generated image for each real one, a discriminator that gives a
score, the penalties on its gradient, the changes of what it sees. A family says which networks and which terms; those
that differ more override a whole loss.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from synthoscope.gan import augmentation
from synthoscope.gan.config import GanConfig
from synthoscope.gan.layers import spectrally_normalise
from synthoscope.gan.losses.penalties import half_squared_gradient, unit_gradient
from synthoscope.gan.truncation import truncated_normal
from synthoscope.training.precision import full_precision

TURNS = ("real", "generated", "passed")
"""The discriminator's passes in a step: over real images, over generated ones, over those the generator passes off."""


@dataclass(frozen=True)
class Networks:
    """A generator and its discriminator."""

    generator: nn.Module
    discriminator: nn.Module


@dataclass(frozen=True)
class Batch:
    """A shard of a step's batch.

    Real images in [-1, 1], N×C×S×S, their class numbers, int64 N, and the numbers drawn for it by name, N first.
    `progress` is the share of the run that is done, in [0, 1); `penalised` says whether this step has penalties.
    """

    images: Tensor
    labels: Tensor
    numbers: Mapping[str, Tensor]
    progress: float = 0.0
    penalised: bool = True


class Outcome(NamedTuple):
    """A player's loss and what to report of it, all scalars."""

    loss: Tensor
    metrics: Mapping[str, Tensor]


class Family(ABC):
    """A family with its configuration; `classes` is 0 without a condition on the class."""

    latent_size = 100
    discriminator_sees_pairs = False
    """Whether the generator's term needs the scores of the real images too."""

    def __init__(self, config: GanConfig, classes: int) -> None:
        self.config = config
        self.classes = classes

    @abstractmethod
    def networks(self) -> Networks:
        """Both networks; their weights are drawn afterwards."""

    @abstractmethod
    def initialise(self, network: nn.Module, numbers: torch.Generator) -> None:
        """Draws a network's initial weights."""

    @abstractmethod
    def discriminator_term(self, real: Tensor, generated: Tensor) -> Tensor:
        """The discriminator's loss, without penalties, of its scores, N each."""

    @abstractmethod
    def generator_term(self, generated: Tensor, real: Tensor | None) -> Tensor:
        """The generator's loss of the scores of its images; `real` is given if `discriminator_sees_pairs`."""

    def build(self, seed: int) -> Networks:
        """Both networks with initial weights drawn from a seed."""
        networks = self.networks()
        numbers = torch.Generator().manual_seed(seed)
        for network in (networks.generator, networks.discriminator):
            self.initialise(network, numbers)
            if self.config.channels_last:
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.config.spectral_norm:
            spectrally_normalise(networks.discriminator, numbers)
        return networks

    def latent(self, count: int, numbers: torch.Generator) -> Tensor:
        """All that an image is made of besides its label, count×L."""
        return torch.randn(count, self.latent_size, generator=numbers)

    def draw(self, count: int, numbers: torch.Generator) -> dict[str, Tensor]:
        """The numbers of a step's global batch, by name; the first dimension counts images."""
        drawn = {"latent": self.latent(count, numbers)}
        if self.config.augment:
            for turn in TURNS:
                drawn[f"change_{turn}"] = torch.rand(count, augmentation.NUMBERS, generator=numbers)
        if self.config.horizontal_flip:
            drawn["mirror"] = torch.rand(count, generator=numbers)
        if self.config.gradient_penalty:
            drawn["between"] = torch.rand(count, generator=numbers)
        return drawn

    def begin_step(self, networks: Networks, progress: float) -> None:  # noqa: B027 — nothing to do is the rule
        """Called before each step with the share of the run that is done; most families have nothing to do."""

    def end_discriminator_step(self, discriminator: nn.Module) -> None:  # noqa: B027
        """Called after the discriminator has moved; most families have nothing to do."""

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        """Images to train on, N×C×S×S."""
        images: Tensor = generator(batch.numbers["latent"], batch.labels)
        return images

    def sample(self, generator: nn.Module, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Images of latent vectors as `latent` draws them, N×C×S×S; values may lie beyond [-1, 1]."""
        images: Tensor = generator(latent, labels)
        return images

    def truncated(self, latent: Tensor, threshold: float) -> Tensor:
        """Latent vectors, N×L, of a distribution truncated to [-threshold, threshold]; `gan.truncation` says how."""
        return truncated_normal(latent, threshold)

    def realness(self, discriminator: nn.Module, images: Tensor, labels: Tensor | None) -> Tensor:
        """The discriminator's scores, N, of images as they are, N×C×S×S in [-1, 1]: without changes and dropout."""
        scores: Tensor = discriminator(images, labels)
        return scores

    def score(self, discriminator: nn.Module, images: Tensor, batch: Batch, turn: str) -> Tensor:
        """The discriminator's scores, N, of what `judge` lets it see."""
        scores: Tensor = discriminator(images, batch.labels)
        return scores

    def judge(self, discriminator: nn.Module, images: Tensor, batch: Batch, turn: str) -> Tensor:
        """Scores, N, of images as changed at random."""
        return self.score(discriminator, self.changed(images, batch, turn), batch, turn)

    def changed(self, images: Tensor, batch: Batch, turn: str) -> Tensor:
        """Images as the discriminator sees them in one of its turns."""
        if not self.config.augment:
            return images
        probability = augmentation.probability_at(batch.progress, self.config.augment, self.config.augment_ramp)
        with full_precision(images.device):
            return augmentation.augment(images, batch.numbers[f"change_{turn}"], probability)

    def discriminator_loss(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Outcome:
        """The discriminator's loss on real and generated images, which carry no gradient of the generator."""
        real_images, generated = self.differentiable(batch, batch.images, generated)
        real = self.judge(discriminator, real_images, batch, "real")
        fake = self.judge(discriminator, generated, batch, "generated")
        loss = self.discriminator_term(real, fake)
        loss = self.penalised(loss, batch, (real, real_images), (fake, generated))
        loss = self.penalised_between(loss, discriminator, batch, generated)
        return Outcome(loss, {"discriminator_loss": loss, **self.score_metrics(real, fake)})

    def generator_loss(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Outcome:
        """The generator's loss on its images."""
        fake = self.judge(discriminator, generated, batch, "passed")
        real = self.judge(discriminator, batch.images, batch, "real") if self.discriminator_sees_pairs else None
        loss = self.generator_term(fake, real)
        return Outcome(loss, {"generator_loss": loss})

    def with_weights(self, generator: nn.Module, loss: Tensor) -> Tensor:
        """The generator's loss with what its own weights add, which is nothing in most families."""
        return loss

    def score_metrics(self, real: Tensor, generated: Tensor) -> dict[str, Tensor]:
        """What to report of the scores: here the mean probabilities of being real, of logits."""
        return {
            "real_probability": torch.sigmoid(real).mean(),
            "generated_probability": torch.sigmoid(generated).mean(),
        }

    def certainty(self, metrics: Mapping[str, float]) -> float | None:
        """How surely the discriminator is right, in [0, 1], of a step's metrics; None where scores cannot tell."""
        return min(metrics["real_probability"], 1 - metrics["generated_probability"])

    def penalty_weights(self, batch: Batch) -> tuple[float, float]:
        """The weights of R1 and R2 in this step: zero in steps without, so much more in those with penalties."""
        if not batch.penalised:
            return 0.0, 0.0
        weight = along_cosine(batch.progress, self.config.final_penalty) * self.config.penalty_every
        return self.config.r1 * weight, self.config.r2 * weight

    def differentiable(self, batch: Batch, real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Real and generated images, detached, but with gradients of their own where `penalised` needs them."""
        r1, r2 = self.penalty_weights(batch)
        return real.detach().requires_grad_(r1 > 0), generated.detach().requires_grad_(r2 > 0)

    def penalised(
        self, loss: Tensor, batch: Batch, real: tuple[Tensor, Tensor], generated: tuple[Tensor, Tensor]
    ) -> Tensor:
        """The discriminator's loss with R1 and R2, where this step has them, of (scores, `differentiable` images)."""
        r1, r2 = self.penalty_weights(batch)
        if r1:
            loss = loss + r1 * half_squared_gradient(*real)
        if r2:
            loss = loss + r2 * half_squared_gradient(*generated)
        return loss

    def penalised_between(self, loss: Tensor, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Tensor:
        """The discriminator's loss with the gradient penalty, where this step has it."""
        if not self.config.gradient_penalty or not batch.penalised:
            return loss

        def critic(images: Tensor) -> Tensor:
            return self.judge(discriminator, images, batch, "real")

        weight = self.config.gradient_penalty * self.config.penalty_every
        return loss + weight * unit_gradient(critic, batch.images, generated, batch.numbers["between"])


def along_cosine(progress: float, final: float) -> float:
    """A factor that goes from 1 to `final` along half a cosine."""
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2
