"""The fourth seed paper's GAN, preset "acgan-xray": an auxiliary classifier GAN with least-squares realness.

As its program: latent numbers uniform in (-1, 1) and a class drawn at random; the discriminator learns the means over
real and generated images together; the regularised layers' squared weights times 1e-3 are part of the losses; RMSprop,
the generator at half the learning rate (and weight decay, which here is the same 6e-9 for both). The program takes 5
images a step; here the default is 32, as elsewhere, for networks of 25 million weights move as slowly for 5. It draws
other latent numbers for the generator's turn; here the images that the discriminator has just seen are passed off
again, as in the other families.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from synthoscope.gan.architectures import acgan_xray
from synthoscope.gan.families.family import TURNS, Batch, Family, Networks, Outcome
from synthoscope.gan.losses.codes import shows_class
from synthoscope.gan.losses.least_squares import generated_is_zero, real_is_one
from synthoscope.gan.losses.penalties import squared_weights

REGULARISATION = 1e-3


class AcganXray(Family):
    """A realness head and a class head."""

    def networks(self) -> Networks:
        """The paper's."""
        generator = acgan_xray.Generator(self.latent_size, self.classes)
        return Networks(generator, acgan_xray.Discriminator(self.classes, self.config.minibatch_discrimination))

    def initialise(self, network: nn.Module, numbers: torch.Generator) -> None:
        """As Keras does."""
        acgan_xray.initialise(network, numbers)

    def latent(self, count: int, numbers: torch.Generator) -> Tensor:
        """Uniform in (-1, 1), count×100."""
        return 2 * torch.rand(count, self.latent_size, generator=numbers) - 1

    def truncated(self, latent: Tensor, threshold: float) -> Tensor:
        """Uniform in (-threshold, threshold)."""
        return latent * threshold

    def realness(self, discriminator: nn.Module, images: Tensor, labels: Tensor | None) -> Tensor:
        """What the realness head says."""
        scores: Tensor = discriminator(images)[0]
        return scores

    def judge(self, discriminator: nn.Module, images: Tensor, batch: Batch, turn: str) -> Tensor:
        """What the realness head says of images as changed at random."""
        return self._both(discriminator, images, batch, turn)[0]

    def draw(self, count: int, numbers: torch.Generator) -> dict[str, Tensor]:
        """Besides the usual, classes for the generated images and dropout masks."""
        drawn = super().draw(count, numbers)
        drawn["labels"] = torch.randint(self.classes, (count,), generator=numbers)
        for turn in TURNS:
            drawn[f"keep_{turn}"] = (
                torch.rand(count, acgan_xray.CLASS_FEATURES, generator=numbers) >= acgan_xray.DROPOUT
            )
        return drawn

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        """Images of the classes that were drawn."""
        images: Tensor = generator(batch.numbers["latent"], batch.numbers["labels"])
        return images

    def discriminator_term(self, real: Tensor, generated: Tensor) -> Tensor:
        """The mean squared error over both kinds together."""
        return (real_is_one(real) + generated_is_zero(generated)) / 2

    def generator_term(self, generated: Tensor, real: Tensor | None) -> Tensor:
        """The mean squared error from being real."""
        return real_is_one(generated)

    def discriminator_loss(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Outcome:
        """Realness and class of both kinds, and the regularised weights."""
        real_images, generated = self.differentiable(batch, batch.images, generated)
        real, real_classes = self._both(discriminator, real_images, batch, "real")
        fake, fake_classes = self._both(discriminator, generated, batch, "generated")
        right = shows_class(real_classes, batch.labels) + shows_class(fake_classes, batch.numbers["labels"])
        weights = [stage.weight for stage in discriminator.downsampling]  # type: ignore[union-attr]
        decay = REGULARISATION * squared_weights([*weights, discriminator.class_hidden.weight])  # type: ignore[list-item,union-attr]
        loss = self.discriminator_term(real, fake) + self.config.class_weight * right / 2 + decay
        loss = self.penalised(loss, batch, (real, real_images), (fake, generated))
        loss = self.penalised_between(loss, discriminator, batch, generated)
        metrics = {"discriminator_loss": loss, "class_loss": right / 2, **self.score_metrics(real, fake)}
        return Outcome(loss, metrics)

    def generator_loss(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Outcome:
        """Being real and of the class that was asked for."""
        fake, classes = self._both(discriminator, generated, batch, "passed")
        right = shows_class(classes, batch.numbers["labels"])
        loss = self.generator_term(fake, None) + self.config.class_weight * right
        return Outcome(loss, {"generator_loss": loss})

    def with_weights(self, generator: nn.Module, loss: Tensor) -> Tensor:
        """Adds the regularised layer's, the second dense one's, squared weights."""
        return loss + REGULARISATION * squared_weights([generator.dense.weight])  # type: ignore[list-item,union-attr]

    def score_metrics(self, real: Tensor, generated: Tensor) -> dict[str, Tensor]:
        """Mean realness."""
        return {"real_score": real.mean(), "generated_score": generated.mean()}

    def certainty(self, metrics: Mapping[str, float]) -> float | None:
        """Scores are near 1 and 0 where it is sure."""
        return min(metrics["real_score"], 1 - metrics["generated_score"])

    def _both(self, discriminator: nn.Module, images: Tensor, batch: Batch, turn: str) -> tuple[Tensor, Tensor]:
        verdict: tuple[Tensor, Tensor] = discriminator(self.changed(images, batch, turn), batch.numbers[f"keep_{turn}"])
        return verdict
