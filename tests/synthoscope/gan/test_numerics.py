"""One step of every family in bfloat16, with other layouts and translated: near float32's, and trained in float32."""

import math

import numpy as np
import pytest
import torch

from synthoscope.gan.config import PRESETS, GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.loop import train
from synthoscope.gan.players import Players
from synthoscope.training.callbacks import NoCallbacks

LABELS = np.array([0, 1] * 2)
FLEXIBLE = tuple(name for name, preset in PRESETS.items() if len(preset.sizes) > 1)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Last(NoCallbacks):
    def on_report(self, report):
        self.metrics = dict(report.metrics)

    def on_checkpoint(self, checkpoint):
        self.tensors = {name: tensor.clone() for name, tensor in checkpoint.tensors.items()}


def one_step(preset, **changes):
    if preset in FLEXIBLE:
        changes = {"image_size": 28, "width": 4} | changes
    config = GanConfig(preset, epochs=1, batch_size=4, conditioning=PRESETS[preset].conditionings[0], **changes)
    side = config.image_size
    images = np.random.default_rng(0).integers(0, 256, (len(LABELS), side, side, 3), np.uint8)
    labels = LABELS * 0 if config.conditioning.value == "per_class" else LABELS
    last = Last()
    train(config, images, labels, ("a", "b")[: 1 + labels.max()], None, last)
    return last


def assert_near(found, expected, tolerance):
    assert found.metrics.keys() == expected.metrics.keys()
    for name, value in expected.metrics.items():
        assert math.isclose(found.metrics[name], value, rel_tol=tolerance, abs_tol=tolerance), name
    assert found.tensors.keys() == expected.tensors.keys()
    for name, tensor in found.tensors.items():
        assert tensor.dtype == expected.tensors[name].dtype, name
        assert torch.isfinite(tensor).all(), name


@pytest.mark.parametrize("preset", [*FLEXIBLE, "dcgan-64"])
def test_a_step_in_mixed_precision_is_near_float32(preset):
    exact, mixed = one_step(preset), one_step(preset, mixed_precision=True)
    assert_near(mixed, exact, 0.05)
    assert mixed.metrics != exact.metrics, "nothing was computed in bfloat16"


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
