"""The loop on tiny data. Threads are pinned: another number of threads may change the last bits."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from gan_runs import Recorder
from workers import run_workers

from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.loop import train
from synthoscope.rpc.errors import Cancelled, FailedPrecondition

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = GanConfig("dcgan-64", epochs=3, batch_size=4, sample_every=4, checkpoint_every=1, seed=5)
CLASSES = ("a", "b")
LABELS = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0])
IMAGES = np.random.default_rng(0).integers(0, 256, (len(LABELS), 64, 64, 3), np.uint8)


def run(config, stop_after=None, resume=None):
    recorder = Recorder(stop_after)
    try:
        train(config, IMAGES, LABELS, CLASSES, callbacks=recorder, resume=resume)
    except Cancelled:
        assert stop_after is not None
    return recorder


def assert_same(checkpoint, other):
    assert checkpoint.step == other.step
    assert checkpoint.state == other.state
    assert checkpoint.tensors.keys() == other.tensors.keys()
    for name, tensor in checkpoint.tensors.items():
        assert torch.equal(tensor, other.tensors[name]), name


@pytest.mark.parametrize("conditioning", Conditioning)
def test_a_run_that_was_stopped_at_any_step_goes_on_bit_for_bit(conditioning):
    config = replace(CONFIG, conditioning=conditioning, epochs=2)
    whole = run(config)
    last = max(whole.checkpoints)
    stopped = run(config, stop_after=random.randrange(1, last))
    at = max(stopped.checkpoints)
    resumed = run(config, resume=stopped.checkpoints[at])
    assert_same(resumed.checkpoints[last], whole.checkpoints[last])
    assert stopped.reports + resumed.reports == whole.reports


def test_a_finished_run_has_nothing_left_to_do():
    last = max(run(CONFIG).checkpoints.items())[1]
    resumed = run(CONFIG, resume=last)
    assert not resumed.reports
    assert not resumed.checkpoints


def test_reports_history_and_checkpoints():
    recorder = run(replace(CONFIG, checkpoint_every=4))
    assert [report.step for report in recorder.reports] == [1, 2, 3, 4, 5, 6]
    assert all(report.total_steps == 6 and report.images_seen == 4 * report.step for report in recorder.reports)
    assert sorted(recorder.checkpoints) == [4, 6]
    history = recorder.checkpoints[6].state["history"]
    assert history["steps"] == [1, 2, 3, 4, 5, 6]
    assert history["values"]["generator_loss"] == [report.metrics["generator_loss"] for report in recorder.reports]
    names = recorder.checkpoints[6].tensors
    assert {"0.generator.dense.weight", "0.discriminator.dense.bias", "0.generator_adam.dense.weight.exp_avg"} <= set(
        names
    )


def test_what_the_monitors_flag_is_remarked_once_and_recorded():
    idle = replace(CONFIG, preset="lsgan", image_size=28, width=2, channels=1, epochs=50, learning_rate=1e-12)
    recorder = Recorder()
    train(idle, IMAGES[:, :28, :28], LABELS, CLASSES, callbacks=recorder)
    remarks = {report.step: report.remark for report in recorder.reports if report.remark}
    assert remarks == {50: "at step 50 its monitors found mode collapse"}
    assert recorder.last.state["history"]["values"]["mode_collapse"] == [0.0] * 49 + [1.0] * 51


def test_sample_grids_show_every_class_from_the_same_latent_vectors():
    recorder = run(CONFIG)
    assert sorted(recorder.pictures) == [1, 4, 6]
    assert [picture.label for picture in recorder.pictures[4]] == ["a", "b"]
    assert recorder.pictures[4][0].pixels.shape == (5 * 66 - 2, 5 * 66 - 2, 3)
    assert recorder.pictures[4][0].pixels.dtype == np.uint8
    unconditional = run(replace(CONFIG, conditioning=Conditioning.UNCONDITIONAL))
    assert [picture.label for picture in unconditional.pictures[6]] == [""]
    per_class = run(replace(CONFIG, conditioning=Conditioning.PER_CLASS))
    assert {step: [picture.label for picture in shown] for step, shown in per_class.pictures.items()} == {
        1: ["a"],
        3: ["a"],
        4: ["b"],
        6: ["b"],
    }


@pytest.mark.parametrize("preset", ["lsgan", "infogan", "ddgan"])
@pytest.mark.parametrize("conditioning", Conditioning)
def test_a_dataset_of_one_class_can_be_learned(preset, conditioning):
    config = GanConfig(
        preset, epochs=1, batch_size=4, conditioning=conditioning, image_size=28, width=2, channels=1, sample_every=2
    )
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 3), np.uint8)
    recorder = Recorder()
    train(config, images, np.zeros(8, np.int64), ("same",), callbacks=recorder)
    assert sorted(recorder.checkpoints) == [2]
    label = "" if conditioning is Conditioning.UNCONDITIONAL else "same"
    assert [picture.label for picture in recorder.pictures[2]] == [label]


def test_cancelling_stops_within_a_step():
    recorder = run(CONFIG, stop_after=2)
    assert [report.step for report in recorder.reports] == [1, 2]


def test_a_loss_that_is_not_finite_names_its_step():
    with pytest.raises(FailedPrecondition, match=r"diverged: \w+ is nan at step \d+; .*learning_rate"):
        run(replace(CONFIG, epochs=10, learning_rate=1e18))


def test_the_first_seed_papers_presets_train_as_they_always_did():
    """Losses recorded before other families existed; up to rounding, which depends on the processor."""
    images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8)
    recorder = Recorder()
    train(GanConfig("dcgan-64", epochs=2, batch_size=4, seed=5), images, np.array([0, 1] * 4), CLASSES, None, recorder)
    recorded = {
        "generator_loss": 0.6678605079650879,
        "discriminator_loss": 1.1449586153030396,
        "real_probability": 0.6516973972320557,
        "generated_probability": 0.5116736888885498,
    }
    found = recorder.reports[-1].metrics
    assert {name: found[name] for name in recorded} == pytest.approx(recorded, rel=2e-4)


def test_another_seed_gives_another_run():
    assert run(CONFIG).reports != run(replace(CONFIG, seed=6)).reports


def metrics_as(world, config):
    recorder = Recorder()
    train(config, IMAGES, LABELS, CLASSES, world, recorder)
    return [dict(report.metrics) for report in recorder.reports]


@pytest.mark.training
def test_two_workers_reproduce_the_losses_of_one():
    config = replace(CONFIG, epochs=10, checkpoint_every=100, sample_every=100)
    alone = run(config).reports
    together = run_workers(metrics_as, 2, config)
    assert len(together) == len(alone) == 20
    for one, two in zip(alone, together, strict=True):
        assert two == dict(one.metrics), f"step {one.step}"
