"""The averaged weights, against the formula written out."""

import numpy as np
import pytest
import torch
from gan_runs import Recorder

from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.loop import train
from synthoscope.gan.players import Players
from synthoscope.training.randomness import derive_seed

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {"image_size": 28, "channels": 1, "width": 1, "measure_kimg": 0}


@pytest.mark.parametrize(
    ("images_seen", "half_life"),
    [(40, 2), (8000, 400), (20_000, 1000), (30_000, 1000), (10**7, 1000)],
)
def test_the_half_life_is_at_most_a_twentieth_of_the_images_seen(images_seen, half_life):
    config = GanConfig("lsgan", epochs=1, batch_size=40, ema_kimg=1.0, **SMALL)
    players = Players.new(family_of(config, 0).build(0), config, torch.device("cpu"))
    averaged, current = players.average.dense.weight, players.networks.generator.dense.weight
    before = averaged.clone()
    with torch.no_grad():
        current.normal_(generator=torch.Generator().manual_seed(1))
    players.update_average(images_seen)
    keeps = 0.5 ** (40 / half_life)
    torch.testing.assert_close(averaged, keeps * before + (1 - keeps) * current)
    assert players.published is players.average


def test_without_averaging_the_last_weights_are_published():
    config = GanConfig("lsgan", epochs=1, **SMALL)
    players = Players.new(family_of(config, 0).build(0), config, torch.device("cpu"))
    players.update_average(100)
    assert players.average is None
    assert players.published is players.networks.generator


@pytest.fixture(scope="module")
def checkpoints():
    """Of a run of two generators, twelve steps each; the half-life reaches its cap, two images, in the tenth."""
    config = GanConfig(
        "lsgan",
        epochs=1,
        conditioning=Conditioning.PER_CLASS,
        batch_size=4,
        learning_rate=0.1,
        ema_kimg=0.002,
        checkpoint_every=1,
        sample_every=100,
        **SMALL,
    )
    images = np.random.default_rng(0).integers(0, 256, (96, 28, 28, 3), np.uint8)
    recorder = Recorder()
    train(config, images, np.arange(96) % 2, ("a", "b"), callbacks=recorder)
    return config, recorder.checkpoints


@pytest.mark.parametrize("part", [0, 1])
def test_a_run_averages_the_weights_of_all_its_steps_anew_for_each_generator(checkpoints, part):
    config, found = checkpoints
    start = family_of(config, 0).build(derive_seed(config.seed, "weights", part)).generator
    expected = {name: parameter.detach().double() for name, parameter in start.named_parameters()}
    for step in range(1, 13):
        tensors = found[12 * part + step].tensors
        keeps = 0.5 ** (4 / min(2, 0.05 * 4 * step))
        for name, before in expected.items():
            expected[name] = keeps * before + (1 - keeps) * tensors[f"{part}.generator.{name}"].double()
            averaged = tensors[f"{part}.average.{name}"].double()
            torch.testing.assert_close(averaged, expected[name], rtol=1e-4, atol=1e-5)


def test_running_statistics_are_not_averaged(checkpoints):
    tensors = checkpoints[1][12].tensors
    for number in (0, 1):
        name = f"norms.{number}.running_mean"
        assert tensors[f"0.generator.{name}"].abs().max() > 0
        assert torch.equal(tensors[f"0.average.{name}"], tensors[f"0.generator.{name}"])
