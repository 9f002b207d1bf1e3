"""Preset "ddgan": the denoising-diffusion GAN (Xiao et al. 2022), four large denoising steps, each of them a GAN's.

Between noise levels t and t+1 the generator guesses the clean image, from which the image at level t is drawn; the
discriminator tells such pairs from pairs of real images. Levels as the reference implementation's: variance preserving,
beta from 0.1 to 20.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from synthoscope.gan.architectures import denoising
from synthoscope.gan.families.dcgan import CrossEntropyFamily
from synthoscope.gan.families.family import Batch, Networks, Outcome
from synthoscope.gan.truncation import truncated_normal
from synthoscope.rpc.errors import FailedPrecondition

STEPS = 4
BETA_LEAST, BETA_MOST = 0.1, 20.0
FIRST_TIME = 1e-3
FIRST_BETA = 1e-8
"""What the reference implementation puts before the first level, so that level 0 is the clean image."""


def kept_signal() -> Tensor:
    """The share of the clean image's variance left at levels 0 to 4, alpha-bar, float32 5."""
    times = [FIRST_TIME + (1 - FIRST_TIME) * step / STEPS for step in range(STEPS + 1)]
    kept = [math.exp(-0.5 * t * t * (BETA_MOST - BETA_LEAST) - t * BETA_LEAST) for t in times]
    betas = [FIRST_BETA] + [1 - after / before for before, after in pairwise(kept)]
    return torch.tensor([math.prod(1 - beta for beta in betas[: level + 1]) for level in range(STEPS + 1)])


class Ddgan(CrossEntropyFamily):
    """A latent vector is 100 numbers for each of the 4 steps, and the noise: 4 images of standard normal numbers."""

    def networks(self) -> Networks:
        """A U-Net and a critic of pairs."""
        config = self.config
        common = (config.image_size, config.channels, config.width, STEPS, self.classes)
        return Networks(denoising.Generator(*common), denoising.Discriminator(*common))

    def initialise(self, network: nn.Module, numbers: torch.Generator) -> None:
        """By Glorot's rule."""
        denoising.initialise(network, numbers)

    def latent(self, count: int, numbers: torch.Generator) -> Tensor:
        """All that sampling needs, count×(4·100 + 4·C·S·S)."""
        pixels = self.config.channels * self.config.image_size**2
        return torch.randn(count, STEPS * (denoising.LATENT + pixels), generator=numbers)

    def truncated(self, latent: Tensor, threshold: float) -> Tensor:
        """The steps' latent vectors truncated; the noise stays, for its level is what a step was trained on."""
        codes, noise = latent[:, : STEPS * denoising.LATENT], latent[:, STEPS * denoising.LATENT :]
        return torch.cat([truncated_normal(codes, threshold), noise], dim=1)

    def realness(self, discriminator: nn.Module, images: Tensor, labels: Tensor | None) -> Tensor:
        """Raises FailedPrecondition: this discriminator judges steps of denoising."""
        raise FailedPrecondition("the discriminator of preset ddgan judges steps of denoising, not images")

    def draw(self, count: int, numbers: torch.Generator) -> dict[str, Tensor]:
        """A level t in [0, 4) and what a step at that level needs: noise up to t and on to t+1, and down again."""
        side, channels = self.config.image_size, self.config.channels
        drawn = {
            "latent": torch.randn(count, denoising.LATENT, generator=numbers),
            "level": torch.randint(STEPS, (count,), generator=numbers),
        }
        for name in ("up", "further", "down"):
            drawn[name] = torch.randn(count, channels, side, side, generator=numbers)
        if self.config.horizontal_flip:
            drawn["mirror"] = torch.rand(count, generator=numbers)
        return drawn

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        """Generated images at level t, of real ones at level t+1."""
        level, (_, noisy) = batch.numbers["level"], self._pair(batch)
        clean = generator(noisy, level, batch.numbers["latent"], batch.labels)
        return self._denoised(clean, noisy, level, batch.numbers["down"])

    def sample(self, generator: nn.Module, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Four denoising steps, from pure noise."""
        side, channels = self.config.image_size, self.config.channels
        codes, noise = latent[:, : STEPS * denoising.LATENT], latent[:, STEPS * denoising.LATENT :]
        codes, noise = codes.view(-1, STEPS, denoising.LATENT), noise.view(-1, STEPS, channels, side, side)
        images = noise[:, STEPS - 1]
        for step in reversed(range(STEPS)):
            level = torch.full((len(images),), step, device=images.device)
            clean = generator(images, level, codes[:, step], labels)
            # The last step's own noise has served as the start; the first level gets none.
            images = self._denoised(clean, images, level, noise[:, max(step - 1, 0)])
        return images

    def discriminator_loss(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Outcome:
        """Real pairs and generated ones; R1 at the real pairs' clearer images."""
        clearer, noisy = self._pair(batch)
        clearer, generated = self.differentiable(batch, clearer, generated)
        level = batch.numbers["level"]
        real = discriminator(clearer, noisy, level, batch.labels)
        fake = discriminator(generated, noisy, level, batch.labels)
        loss = self.penalised(self.discriminator_term(real, fake), batch, (real, clearer), (fake, generated))
        return Outcome(loss, {"discriminator_loss": loss, **self.score_metrics(real, fake)})

    def generator_loss(self, discriminator: nn.Module, batch: Batch, generated: Tensor) -> Outcome:
        """Passing its pairs off as real."""
        _, noisy = self._pair(batch)
        fake = discriminator(generated, noisy, batch.numbers["level"], batch.labels)
        loss = self.generator_term(fake, None)
        return Outcome(loss, {"generator_loss": loss})

    def _pair(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Real images at levels t and t+1."""
        kept, level = kept_signal().to(batch.images.device), batch.numbers["level"]
        signal = _per_image(kept[level])
        clearer = signal.sqrt() * batch.images + (1 - signal).sqrt() * batch.numbers["up"]
        step = _per_image(kept[level + 1] / kept[level])
        return clearer, step.sqrt() * clearer + (1 - step).sqrt() * batch.numbers["further"]

    def _denoised(self, clean: Tensor, noisy: Tensor, level: Tensor, noise: Tensor) -> Tensor:
        """A draw from q(image at t | image at t+1, clean image); without noise at level 0, as the reference does."""
        kept = kept_signal().to(clean.device)
        # The posterior runs over levels 1 to 4 with their own products, which start behind the first beta.
        after = kept[level + 1] / kept[0]
        before = kept[level] / kept[0]
        alpha, beta = after / before, 1 - after / before
        mean = _per_image(beta * before.sqrt() / (1 - after)) * clean
        mean = mean + _per_image((1 - before) * alpha.sqrt() / (1 - after)) * noisy
        deviation = ((beta * (1 - before) / (1 - after)).clamp(min=1e-20)).sqrt() * (level > 0)
        return mean + _per_image(deviation) * noise


def _per_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)
