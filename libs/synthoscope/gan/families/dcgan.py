"""The first seed paper's GAN, presets "dcgan-128" and "dcgan-64": cross-entropy, dropout in the discriminator."""

import torch
from torch import Tensor, nn

from synthoscope.gan.architectures import dcgan
from synthoscope.gan.families.family import TURNS, Batch, Family, Networks
from synthoscope.gan.losses.cross_entropy import generated_is_generated, generated_is_real, real_is_real


class CrossEntropyFamily(Family):
    """Families whose discriminator is a classifier of real and generated."""

    def discriminator_term(self, real: Tensor, generated: Tensor) -> Tensor:
        """The sum of both kinds' cross-entropies."""
        return real_is_real(real) + generated_is_generated(generated)

    def generator_term(self, generated: Tensor, real: Tensor | None) -> Tensor:
        """The non-saturating loss."""
        return generated_is_real(generated)


class Dcgan(CrossEntropyFamily):
    """The first seed paper's."""

    latent_size = dcgan.LATENT_SIZE
    dropout = dcgan.DROPOUT

    @property
    def features(self) -> int:
        """Numbers that dropout chooses among."""
        return dcgan.feature_count(self.config.image_size)

    def networks(self) -> Networks:
        """The paper's."""
        size = self.config.image_size
        discriminator = dcgan.Discriminator(size, self.classes, self.config.minibatch_discrimination)
        return Networks(dcgan.Generator(dcgan.UPSAMPLING[size], self.classes), discriminator)

    def initialise(self, network: nn.Module, numbers: torch.Generator) -> None:
        """As Keras does."""
        dcgan.initialise(network, numbers)

    def draw(self, count: int, numbers: torch.Generator) -> dict[str, Tensor]:
        """Besides the usual, a dropout mask for each of the discriminator's turns."""
        drawn = super().draw(count, numbers)
        return drawn | {
            f"keep_{turn}": torch.rand(count, self.features, generator=numbers) >= self.dropout for turn in TURNS
        }

    def score(self, discriminator: nn.Module, images: Tensor, batch: Batch, turn: str) -> Tensor:
        """Logits with the turn's dropout mask."""
        logits: Tensor = discriminator(images, batch.labels, batch.numbers[f"keep_{turn}"])
        return logits
