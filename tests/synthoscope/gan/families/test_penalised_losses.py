"""That penalties are part of the discriminator's loss, with a critic whose gradient is known: 6x at image x."""

import pytest
import torch

from synthoscope.gan.config import PRESETS, GanConfig
from synthoscope.gan.families import Batch, family_of
from synthoscope.gan.families.ddgan import kept_signal

COUNT, CLASSES = 4, 2
WITH_R = tuple(name for name, preset in PRESETS.items() if preset.heeds("r1"))
WITH_GRADIENT_PENALTY = tuple(name for name, preset in PRESETS.items() if preset.heeds("gradient_penalty"))

EVERY, FINAL = 5, 0.4
A_THIRD = {"progress": 1 / 3}
EASED = FINAL + (1 - FINAL) * 0.75
"""What the cosine has left of a penalty after a third of the run."""


def critic(images, *rest):
    return 3 * images.square().sum((1, 2, 3))


class TwoHeads(torch.nn.Module):
    """A critic beside a class head that knows nothing, as "acgan-xray" has them."""

    def __init__(self):
        super().__init__()
        self.downsampling = torch.nn.ModuleList([torch.nn.Conv2d(1, 1, 1)])
        self.class_hidden = torch.nn.Linear(1, 1)

    def forward(self, images, *rest):
        return critic(images), images.new_zeros(len(images), CLASSES)


def squared_norms(images):
    return images.square().sum((1, 2, 3))


def family_with(preset, **penalties):
    small = {"image_size": 28, "width": 1} if len(PRESETS[preset].sizes) > 1 else {}
    none = {"r1": 0.0, "r2": 0.0, "gradient_penalty": 0.0, "augment": 0.0}
    schedule = {"penalty_every": EVERY, "final_penalty": FINAL}
    classes = CLASSES if preset == "acgan-xray" else 0
    return family_of(GanConfig(preset, epochs=1, **small | none | schedule | penalties), classes)


def added(preset, **penalties):
    """What the penalties add to the loss; the batch it is of, and the generated images."""
    plain, penalised = family_with(preset), family_with(preset, **penalties)
    numbers, side = torch.Generator().manual_seed(0), plain.config.image_size
    # Real images are brighter, so that penalties on the wrong ones are other numbers; float64, for differences.
    real, generated = (
        scale * torch.randn(COUNT, 3, side, side, generator=numbers, dtype=torch.float64) for scale in (0.9, 0.2)
    )
    batch = Batch(real, torch.zeros(COUNT, dtype=torch.long), penalised.draw(COUNT, numbers), **A_THIRD)
    judge = TwoHeads() if preset == "acgan-xray" else critic
    losses = [family.discriminator_loss(judge, batch, generated.clone()).loss for family in (penalised, plain)]
    return losses[0] - losses[1], batch, generated


@pytest.mark.parametrize("preset", WITH_R)
def test_r1_is_taken_at_real_images(preset):
    difference, batch, _ = added(preset, r1=0.7)
    real = batch.images
    if preset == "ddgan":  # judges real images with noise
        kept = kept_signal()[batch.numbers["level"]].view(-1, 1, 1, 1)
        real = kept.sqrt() * real + (1 - kept).sqrt() * batch.numbers["up"]
    torch.testing.assert_close(difference, 0.7 * EVERY * EASED * 36 * squared_norms(real).mean() / 2)


@pytest.mark.parametrize("preset", WITH_R)
def test_r2_is_taken_at_generated_images(preset):
    difference, _, generated = added(preset, r2=0.3)
    torch.testing.assert_close(difference, 0.3 * EVERY * EASED * 36 * squared_norms(generated).mean() / 2)


@pytest.mark.parametrize("preset", WITH_GRADIENT_PENALTY)
def test_the_gradient_penalty_is_taken_between_them_and_does_not_ease_off(preset):
    difference, batch, generated = added(preset, gradient_penalty=10.0)
    share = batch.numbers["between"].view(-1, 1, 1, 1)
    norms = 6 * squared_norms(share * batch.images + (1 - share) * generated).sqrt()
    torch.testing.assert_close(difference, 10.0 * EVERY * (norms - 1).square().mean())


@pytest.mark.parametrize("preset", WITH_R)
def test_penalties_add_up(preset):
    alone = [added(preset, **penalty)[0] for penalty in ({"r1": 0.7}, {"r2": 0.3})]
    torch.testing.assert_close(added(preset, r1=0.7, r2=0.3)[0], sum(alone))
