"""Families on the convolutional networks: "sngan-mri", the third seed paper's, and four of those it compares with."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.gan.architectures import convolutional
from synthoscope.gan.families.dcgan import CrossEntropyFamily
from synthoscope.gan.families.family import Batch, Family, Networks, Outcome
from synthoscope.gan.losses.codes import shows_category, shows_continuous
from synthoscope.gan.losses.least_squares import generated_is_zero, real_is_one
from synthoscope.gan.losses.wasserstein import negative_distance, negative_score
from synthoscope.gan.truncation import truncated_normal


class Convolutional(Family):
    """What they share: the generator, and a discriminator with or without batch norm."""

    batch_norm = False

    def networks(self) -> Networks:
        """Networks of the configured size and width."""
        config = self.config
        discriminator = convolutional.Discriminator(
            config.image_size,
            config.channels,
            config.width,
            self.classes,
            self.batch_norm,
            config.minibatch_discrimination,
        )
        return Networks(self._generator(), discriminator)

    def initialise(self, network: nn.Module, numbers: torch.Generator) -> None:
        """Normal, as Radford et al."""
        convolutional.initialise(network, numbers)

    def _generator(self) -> convolutional.Generator:
        config = self.config
        return convolutional.Generator(config.image_size, config.channels, config.width, self.latent_size, self.classes)


class SnganMri(Convolutional, CrossEntropyFamily):
    """The third seed paper: spectral norm in the discriminator (an option, on), cross-entropy with logits, Adam."""


class Lsgan(Convolutional):
    """Mao et al. 2017: least squares."""

    batch_norm = True

    def discriminator_term(self, real: Tensor, generated: Tensor) -> Tensor:
        """The sum of both kinds' mean squared errors."""
        return real_is_one(real) + generated_is_zero(generated)

    def generator_term(self, generated: Tensor, real: Tensor | None) -> Tensor:
        """The mean squared error from being real."""
        return real_is_one(generated)

    def score_metrics(self, real: Tensor, generated: Tensor) -> dict[str, Tensor]:
        """Mean scores."""
        return {"real_score": real.mean(), "generated_score": generated.mean()}

    def certainty(self, metrics: Mapping[str, float]) -> float | None:
        """Scores are near 1 and 0 where it is sure."""
        return min(metrics["real_score"], 1 - metrics["generated_score"])


class WganGp(Convolutional):
    """Gulrajani et al. 2017: no batch norm in the critic; the gradient penalty is an option, on."""

    def discriminator_term(self, real: Tensor, generated: Tensor) -> Tensor:
        """Minus the estimated distance."""
        return negative_distance(real, generated)

    def generator_term(self, generated: Tensor, real: Tensor | None) -> Tensor:
        """Minus the score."""
        return negative_score(generated)

    def score_metrics(self, real: Tensor, generated: Tensor) -> dict[str, Tensor]:
        """Mean scores."""
        return {"real_score": real.mean(), "generated_score": generated.mean()}

    def certainty(self, metrics: Mapping[str, float]) -> float | None:
        """A critic's scores have no scale."""
        return None


class Wgan(WganGp):
    """Arjovsky et al. 2017: batch norm, and the critic's weights clipped after each of its steps."""

    batch_norm = True

    @torch.no_grad()
    def end_discriminator_step(self, discriminator: nn.Module) -> None:
        """Clips all parameters, as the reference implementation does."""
        if self.config.weight_clip:
            for parameter in discriminator.parameters():
                parameter.clamp_(-self.config.weight_clip, self.config.weight_clip)


class Infogan(Convolutional, CrossEntropyFamily):
    """Chen et al. 2016: some latent numbers are codes, which both networks make readable from the image.

    A latent vector is noise, one category of ten as one-hot, and two continuous codes, uniform in (-1, 1), as the paper
    has them for digits; its recipe gives the generator five times the discriminator's learning rate.
    """

    noise = 62
    categories = 10
    continuous = 2
    latent_size = noise + categories + continuous
    batch_norm = True

    def networks(self) -> Networks:
        """The discriminator has a second head, which reads the codes."""
        config, codes = self.config, self.categories + self.continuous
        reader = convolutional.CodeReader(
            codes, config.image_size, config.channels, config.width, self.classes, config.minibatch_discrimination
        )
        return Networks(self._generator(), reader)

    def latent(self, count: int, numbers: torch.Generator) -> Tensor:
        """Noise, category and continuous codes, count×74."""
        noise = torch.randn(count, self.noise, generator=numbers)
        category = F.one_hot(torch.randint(self.categories, (count,), generator=numbers), self.categories)
        continuous = 2 * torch.rand(count, self.continuous, generator=numbers) - 1
        return torch.cat([noise, category.to(noise.dtype), continuous], dim=1)

    def truncated(self, latent: Tensor, threshold: float) -> Tensor:
        """The noise truncated; the codes stay."""
        noise, codes = latent[:, : self.noise], latent[:, self.noise :]
        return torch.cat([truncated_normal(noise, threshold), codes], dim=1)

    def with_codes(self, latent: Tensor, category: int | None, continuous: dict[int, float]) -> Tensor:
        """Latent vectors with some codes replaced: the category, in [0, 10), and continuous ones by position."""
        latent = latent.clone()
        if category is not None:
            latent[:, self.noise : self.noise + self.categories] = 0
            latent[:, self.noise + category] = 1
        for position, value in continuous.items():
            latent[:, self.noise + self.categories + position] = value
        return latent

    def discriminator_loss(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Outcome:
        """As without codes, and the codes read from the generated images."""
        assert isinstance(discriminator, convolutional.CodeReader)  # noqa: S101 — for the type checker
        real = self.judge(discriminator, batch.images, batch, "real")
        features = discriminator.extract(self.changed(generated, batch, "generated"))
        fake = discriminator.score(features, batch.labels)
        unread = self._unread(discriminator.read(features), batch)
        loss = self.discriminator_term(real, fake) + self.config.code_weight * unread
        return Outcome(loss, {"discriminator_loss": loss, "code_loss": unread, **self.score_metrics(real, fake)})

    def generator_loss(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Outcome:
        """As without codes, and the codes read from its images."""
        assert isinstance(discriminator, convolutional.CodeReader)  # noqa: S101 — for the type checker
        features = discriminator.extract(self.changed(generated, batch, "passed"))
        unread = self._unread(discriminator.read(features), batch)
        fooled = self.generator_term(discriminator.score(features, batch.labels), None)
        loss = fooled + self.config.code_weight * unread
        return Outcome(loss, {"generator_loss": loss})

    def _unread(self, read: Tensor, batch: Batch) -> Tensor:
        codes = batch.numbers["latent"][:, self.noise :]
        category, continuous = codes[:, : self.categories], codes[:, self.categories :]
        return shows_category(read[:, : self.categories], category.argmax(1)) + shows_continuous(
            read[:, self.categories :], continuous
        )
