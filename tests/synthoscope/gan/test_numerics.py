"""One step of every family in bfloat16, with other layouts and translated: near float32's, and trained in float32."""

import numpy as np
import pytest
import torch
from gan_runs import Recorder

from synthoscope.gan.config import PRESETS, GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.loop import train
from synthoscope.gan.players import Players

LABELS = np.array([0, 1] * 2)
FLEXIBLE = tuple(name for name, preset in PRESETS.items() if len(preset.sizes) > 1)


pytestmark = pytest.mark.usefixtures("one_thread")


def one_step(preset, **changes):
    if preset in FLEXIBLE:
        changes = {"image_size": 28, "width": 4} | changes
    config = GanConfig(preset, epochs=1, batch_size=4, conditioning=PRESETS[preset].conditionings[0], **changes)
    side = config.image_size
    images = np.random.default_rng(0).integers(0, 256, (len(LABELS), side, side, 3), np.uint8)
    labels = LABELS * 0 if config.conditioning.value == "per_class" else LABELS
    recorder = Recorder()
    train(config, images, labels, ("a", "b")[: 1 + labels.max()], None, recorder)
    return recorder.reports[0].metrics, recorder.last.tensors


def assert_near(found, expected, tolerance):
    (metrics, tensors), (expected_metrics, expected_tensors) = found, expected
    assert metrics == pytest.approx(expected_metrics, rel=tolerance, abs=tolerance)
    assert tensors.keys() == expected_tensors.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == expected_tensors[name].dtype, name
        assert torch.isfinite(tensor).all(), name


@pytest.mark.parametrize("preset", [*FLEXIBLE, "dcgan-64"])
def test_a_step_in_mixed_precision_is_near_float32(preset):
    exact, mixed = one_step(preset), one_step(preset, mixed_precision=True)
    assert_near(mixed, exact, 0.05)
    assert mixed[0] != exact[0], "nothing was computed in bfloat16"


@pytest.mark.training
@pytest.mark.parametrize("preset", ["acgan-xray", "dcgan-xray"])
def test_so_it_is_in_the_families_of_one_size(preset):
    assert_near(one_step(preset, mixed_precision=True), one_step(preset), 0.05)


def test_every_option_in_mixed_precision():
    options = {"minibatch_discrimination": True, "gradient_penalty": 1.0, "r1": 0.5, "r2": 0.5, "augment": 0.5}
    assert_near(one_step("sngan-mri", mixed_precision=True, **options), one_step("sngan-mri", **options), 0.1)


@pytest.mark.parametrize("preset", ["lsgan", "dcgan-64"])
def test_channels_first_is_the_same_but_for_rounding(preset):
    assert_near(one_step(preset, channels_last=False), one_step(preset), 1e-4)
    config = GanConfig(preset, epochs=1, channels_last=False)
    players = Players.new(family_of(config, 2).build(0), config, torch.device("cpu"))
    assert all(parameter.is_contiguous() for parameter in players.networks.generator.parameters())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch's own, of what its compiler still uses
@pytest.mark.parametrize("preset", ["lsgan", "wgan-gp"])
def test_translated_networks_take_the_same_step(preset):
    assert_near(one_step(preset, compile=True), one_step(preset), 1e-3)
