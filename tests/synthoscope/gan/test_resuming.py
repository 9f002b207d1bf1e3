"""Every family on tiny data: a run that was stopped goes on bit for bit, and two workers give the bits of one."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from features import Thumbnails
from gan_runs import Recorder
from workers import run_workers

from synthoscope.gan.config import PRESETS, Conditioning, GanConfig
from synthoscope.gan.loop import train
from synthoscope.rpc.errors import Cancelled
from synthoscope.training.checkpoints import DamagedCheckpoint

pytestmark = pytest.mark.usefixtures("one_thread")

CLASSES = ("a", "b")
LABELS = np.array([0, 1] * 4)
FLEXIBLE = tuple(name for name, preset in PRESETS.items() if len(preset.sizes) > 1)


def tiny(preset, **changes):
    """A configuration of a few steps on eight images."""
    if preset not in FLEXIBLE:
        changes = {"epochs": 1, "batch_size": 2} | changes
        changes = {"conditioning": PRESETS[preset].conditionings[-1]} | changes
        return GanConfig(preset, checkpoint_every=1, sample_every=100, measure_kimg=0.002, seed=3, **changes)
    changes = {"epochs": 3, "batch_size": 4, "image_size": 28, "channels": 1, "width": 2} | changes
    return GanConfig(preset, checkpoint_every=1, sample_every=100, measure_kimg=0.008, seed=3, **changes)


def run(config, stop_after=None, resume=None, world=None):
    recorder = Recorder(stop_after)
    count = 8 if config.preset in FLEXIBLE else 4
    images = np.random.default_rng(0).integers(0, 256, (count, config.image_size, config.image_size, 3), np.uint8)
    try:
        train(config, images, LABELS[:count], CLASSES, world, recorder, resume, extractor=Thumbnails)
    except Cancelled:
        assert stop_after is not None
    return recorder


def assert_resumes(config):
    whole = run(config)
    last = max(whole.checkpoints)
    stopped = run(config, stop_after=random.randrange(1, last))
    resumed = run(config, resume=stopped.checkpoints[max(stopped.checkpoints)])
    expected, found = whole.checkpoints[last], resumed.checkpoints[last]
    assert found.state == expected.state
    assert found.tensors.keys() == expected.tensors.keys()
    for name, tensor in found.tensors.items():
        assert torch.equal(tensor, expected.tensors[name]), name
    assert stopped.reports + resumed.reports == whole.reports
    return expected


@pytest.mark.parametrize("preset", FLEXIBLE)
def test_every_family_goes_on_bit_for_bit(preset):
    last = assert_resumes(tiny(preset))
    names = {name.split(".", 2)[1] for name in last.tensors}
    config = GanConfig(preset, epochs=1)
    kind = config.optimizer.value
    assert {"generator", "discriminator", f"discriminator_{kind}", f"generator_{kind}"} <= names
    assert ("average" in names) == (config.ema_kimg > 0)
    assert "best" in names
    assert last.state["quality"]["best"]


def test_a_checkpoint_from_before_there_were_monitors():
    config = tiny("lsgan")
    whole = run(config)
    old = replace(whole.checkpoints[3], state={"history": whole.checkpoints[3].state["history"]})
    resumed = run(config, resume=old)
    last = max(whole.checkpoints)
    for name, tensor in resumed.checkpoints[last].tensors.items():
        assert torch.equal(tensor, whole.checkpoints[last].tensors[name]), name


def test_a_checkpoint_of_other_networks():
    config = tiny("lsgan")
    checkpoint = run(config).checkpoints[3]
    missing = {name: tensor for name, tensor in checkpoint.tensors.items() if "dense.weight" not in name}
    others = [{f"0.{kind}.dense.weight": torch.zeros(1)} for kind in ("generator", "best")]
    for tensors in (missing, *(checkpoint.tensors | other for other in others)):
        with pytest.raises(DamagedCheckpoint, match="not those of preset lsgan"):
            run(config, resume=replace(checkpoint, tensors=tensors))


@pytest.mark.training
@pytest.mark.parametrize("preset", ["acgan-xray", "dcgan-xray"])
def test_the_families_of_one_size_go_on_bit_for_bit(preset):
    assert_resumes(tiny(preset))


@pytest.mark.parametrize("conditioning", Conditioning)
def test_every_option_goes_on_bit_for_bit(conditioning):
    config = tiny(
        "sngan-mri",
        conditioning=conditioning,
        minibatch_discrimination=True,
        gradient_penalty=1.0,
        r1=0.5,
        r2=0.5,
        penalty_every=2,
        critic_steps=2,
        ema_kimg=1.0,
        augment=0.5,
        augment_ramp=0.5,
        horizontal_flip=True,
        final_rate=0.1,
        weight_decay=1e-3,
    )
    assert_resumes(config)


def ends_of(world, configs):
    """The last tensors and all reports of some runs, as rank 0 sees them."""
    recorders = [run(config, world=world) for config in configs]
    return [
        (
            {name: tensor.numpy() for name, tensor in recorder.last.tensors.items()},
            [report.metrics for report in recorder.reports],
        )
        for recorder in recorders
        if recorder.checkpoints
    ]


@pytest.mark.training
def test_two_workers_reproduce_one_in_every_family_whatever_it_normalises():
    configs = [replace(tiny(preset), checkpoint_every=100) for preset in FLEXIBLE]
    together = run_workers(ends_of, 2, configs)
    for preset, alone, (tensors, reports) in zip(FLEXIBLE, ends_of(None, configs), together, strict=True):
        assert reports == alone[1], preset
        assert tensors.keys() == alone[0].keys() != set()
        for name, values in alone[0].items():
            np.testing.assert_array_equal(tensors[name], values, err_msg=f"{preset} {name}")
