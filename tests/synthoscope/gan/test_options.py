"""That the loop does what options say, read off the weights and losses of short runs."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from gan_runs import Recorder

from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.loop import train
from synthoscope.training.randomness import derive_seed

pytestmark = pytest.mark.usefixtures("one_thread")

BATCH = 4

SIGNS = {"beta1": 0.0, "beta2": 0.0}
"""With these Adam forgets all but the gradient's sign: a step moves each weight by the learning rate."""

FROZEN = {"learning_rate": 1e-30, "final_rate": 1.0}


def run(steps, preset, **changes):
    """A configuration and what a run of so many steps said, in one epoch of random images."""
    config = GanConfig(
        preset,
        epochs=1,
        **{"conditioning": Conditioning.UNCONDITIONAL, "image_size": 28, "channels": 1, "width": 2} | changes,
        batch_size=BATCH,
        checkpoint_every=1,
        sample_every=10**6,
    )
    images = np.random.default_rng(0).integers(0, 256, (BATCH * steps, 28, 28, 3), np.uint8)
    recorder = Recorder()
    train(config, images, np.zeros(len(images), np.int64), ("all",), callbacks=recorder)
    assert len(recorder.reports) == steps
    return config, recorder


def courses(steps, preset, **changes):
    """Of the generator and of the discriminator: all weights as one vector, at the start and after each step."""
    config, recorder = run(steps, preset, **changes)
    networks = family_of(config, 0).build(derive_seed(config.seed, "weights", 0))
    for player in ("generator", "discriminator"):
        start = dict(getattr(networks, player).named_parameters())
        later = [
            [recorder.checkpoints[step].tensors[f"0.{player}.{name}"] for name in start] for step in range(1, steps + 1)
        ]
        yield [torch.cat([tensor.detach().flatten() for tensor in each]) for each in (start.values(), *later)]


def moved(course):
    """For each step, how far the weight went that went farthest."""
    return [(after - before).abs().max().item() for before, after in pairwise(course)]


def test_wgans_generator_moves_in_every_fifth_step_and_its_critic_in_all():
    generator, critic = courses(11, "wgan")
    assert [way > 0 for way in moved(generator)] == [step % 5 == 0 for step in range(1, 12)]
    assert all(way > 0 for way in moved(critic))


def test_one_step_of_the_critic_for_each_of_the_generator():
    generator, _ = courses(3, "wgan", critic_steps=1)
    assert all(way > 0 for way in moved(generator))


def test_no_weight_of_the_critic_is_beyond_the_clip_after_a_step():
    _, critic = courses(3, "wgan", weight_clip=0.003)
    assert critic[0].abs().max() > 0.003
    assert [weights.abs().max().item() for weights in critic[1:]] == pytest.approx([0.003] * 3)


def test_without_a_clip_there_is_none():
    _, critic = courses(1, "wgan", weight_clip=0.0)
    assert critic[1].abs().max() > 0.02


@pytest.mark.parametrize("final", [1.0, 0.2])
def test_learning_rates_follow_the_cosine_the_generators_at_its_own_multiple(final):
    steps, rate = 6, 1e-3
    generator, discriminator = courses(
        steps, "lsgan", **SIGNS, learning_rate=rate, generator_rate=3.0, final_rate=final
    )
    expected = [rate * (final + (1 - final) * (1 + math.cos(math.pi * step / steps)) / 2) for step in range(steps)]
    assert moved(discriminator) == pytest.approx(expected, rel=1e-3)
    assert moved(generator) == pytest.approx([3 * each for each in expected], rel=1e-3)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_weights_decay_by_their_share_times_the_learning_rate(decay):
    rate = 0.05
    sides = courses(2, "lsgan", **SIGNS, learning_rate=rate, generator_rate=2.0, weight_decay=decay)
    for own, course in zip((2 * rate, rate), sides, strict=True):
        for before, after in pairwise(course):
            decayed = (1 - own * decay) * before
            assert (after - decayed).abs().median().item() == pytest.approx(own, rel=1e-3)


def losses(**changes):
    """The discriminator's loss in each step of a run whose weights stay as they are."""
    _, recorder = run(6, "sngan-mri", **FROZEN, **changes)
    return np.array([report.metrics["discriminator_loss"] for report in recorder.reports])


@pytest.mark.parametrize("penalty", [{"r1": 50.0}, {"r2": 50.0}, {"gradient_penalty": 1.0}])
def test_penalties_come_in_every_third_step_and_count_three_times(penalty):
    none = losses()
    always, sometimes = losses(**penalty) - none, losses(**penalty, penalty_every=3) - none
    assert (always > 1e-3).all()
    np.testing.assert_allclose(sometimes, always * [3, 0, 0, 3, 0, 0], rtol=1e-3)


def test_r1_goes_to_its_final_share_along_the_cosine():
    none = losses()
    factors = [0.1 + 0.9 * (1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    constant, easing = losses(r1=50.0) - none, losses(r1=50.0, final_penalty=0.1) - none
    np.testing.assert_allclose(easing, constant * factors, rtol=1e-3)
