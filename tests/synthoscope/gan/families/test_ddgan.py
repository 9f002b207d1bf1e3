"""The noise levels, against the formulas of the paper."""

import math

import pytest
import torch

from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import Batch, family_of
from synthoscope.gan.families.ddgan import STEPS, kept_signal

CONFIG = GanConfig("ddgan", epochs=1, image_size=28, channels=1, width=1)


def test_the_last_level_is_noise_and_the_first_the_image():
    kept = kept_signal()
    assert len(kept) == STEPS + 1
    assert kept[0].item() == pytest.approx(1)
    assert kept[-1].item() == pytest.approx(math.exp(-0.5 * 19.9 - 0.1), rel=1e-2)
    assert (kept.diff() < 0).all()


class Knows(torch.nn.Module):
    """A generator that guesses the clean image exactly."""

    def __init__(self, clean):
        super().__init__()
        self.clean = clean

    def forward(self, noisy, level, latent, labels):
        return self.clean


def test_a_generator_that_knows_the_image_arrives_at_it():
    family = family_of(CONFIG, 0)
    clean = torch.rand(3, 1, 28, 28) * 2 - 1
    latent = family.latent(3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(family.sample(Knows(clean), latent, None), clean, atol=1e-3, rtol=0)


def test_generated_pairs_of_a_perfect_generator_are_distributed_as_real_ones():
    """At each level the mean and variance of the less noisy image are those of q(x_t | x_0)."""
    family = family_of(CONFIG, 0)
    count = 2000
    clean = torch.full((count, 1, 28, 28), 0.7)
    numbers = family.draw(count, torch.Generator().manual_seed(0))
    generated = family.generate(Knows(clean), Batch(clean, torch.zeros(count, dtype=torch.long), numbers))
    kept = kept_signal()
    for level in range(1, STEPS):
        found = generated[numbers["level"] == level]
        assert found.mean().item() == pytest.approx(0.7 * kept[level].sqrt().item(), abs=0.01)
        assert found.var().item() == pytest.approx(1 - kept[level].item(), rel=0.02)
    torch.testing.assert_close(generated[numbers["level"] == 0], clean[numbers["level"] == 0], atol=1e-3, rtol=0)
