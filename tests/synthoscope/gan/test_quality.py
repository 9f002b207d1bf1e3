"""Measuring a run's generators: when, what, and that it leaves the training as it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from features import Thumbnails
from gan_runs import Recorder
from workers import run_workers

from synthoscope.gan import quality
from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.loop import train
from synthoscope.gan.plan import plan
from synthoscope.gan.quality import LEAST_OF_CLASS, Meter, Quality
from synthoscope.gan.steps import Data

CONFIG = GanConfig("lsgan", epochs=6, batch_size=4, image_size=28, width=2, channels=1, measure_kimg=0.008, seed=2)
CLASSES = ("a", "b")
LABELS = np.array([0, 1] * 4)
IMAGES = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 3), np.uint8)


pytestmark = pytest.mark.usefixtures("one_thread")


def course(config, world=None):
    recorder = Recorder()
    train(config, IMAGES, LABELS, CLASSES, world, recorder, extractor=Thumbnails)
    return recorder


def metrics_of(recorder):
    return {report.step: report.metrics for report in recorder.reports}


def meter_of(images, labels, config=CONFIG):
    classes = len(CLASSES) if config.conditioning is Conditioning.CONDITIONAL else 0
    data = Data(images, labels, CLASSES)
    return Meter(config, family_of(config, classes), data, plan(config, labels, CLASSES)[0], Thumbnails)


def test_it_is_measured_every_so_many_images_and_at_the_end():
    found = course(replace(CONFIG, measure_kimg=0.02))
    curves = found.last.state["quality"]["curves"]
    assert [step for step, _ in curves["frechet_ratio"]] == [5, 10, 12]
    assert list(found.pictures) == [1, 5, 10, 12], "a sample grid goes with each"
    assert not course(replace(CONFIG, measure_kimg=0.0)).last.state["quality"]["curves"]
    assert not course(replace(CONFIG, measure_kimg=1.0)).last.state["quality"]["curves"], "the run is shorter than that"


def test_progress_carries_the_latest_measurement():
    found = course(CONFIG)
    curve = dict(found.last.state["quality"]["curves"]["frechet_distance"])
    metrics = metrics_of(found)
    assert "frechet_distance" not in metrics[1]
    assert metrics[2]["frechet_distance"] == metrics[3]["frechet_distance"] == curve[2]
    assert metrics[4]["frechet_distance"] == curve[4] != curve[2]


def test_measuring_changes_nothing_else():
    with_it, without = course(CONFIG).last, course(replace(CONFIG, measure_kimg=0.0)).last
    for name, tensor in without.tensors.items():
        np.testing.assert_array_equal(tensor, with_it.tensors[name], err_msg=name)
    assert {name.split(".")[1] for name in with_it.tensors.keys() - without.tensors.keys()} == {"best"}
    assert with_it.state["history"] == without.state["history"]


@pytest.mark.parametrize("ema_kimg", [0.0, 1.0])
def test_the_best_weights_are_those_of_the_step_that_was_measured_best(ema_kimg):
    config = replace(CONFIG, ema_kimg=ema_kimg)
    found = course(config)
    step, distance = found.last.state["quality"]["best"]["0"]
    assert distance == min(value for _, value in found.last.state["quality"]["curves"]["frechet_distance"])
    then = course(replace(config, checkpoint_every=1)).checkpoints[step].tensors
    published = "average" if ema_kimg else "generator"
    best = {name: tensor for name, tensor in found.last.tensors.items() if name.startswith("0.best.")}
    assert best
    for name, tensor in best.items():
        np.testing.assert_array_equal(tensor, then[name.replace(".best.", f".{published}.")])


def test_each_classes_generator_has_its_own_best():
    found = course(replace(CONFIG, conditioning=Conditioning.PER_CLASS))
    assert {"0.best.to_image.weight", "1.best.to_image.weight"} <= found.last.tensors.keys()
    assert set(found.last.state["quality"]["best"]) == {"0", "1"}
    assert {name for name in found.last.state["quality"]["curves"] if name.startswith("frechet_ratio")} == {
        "frechet_ratio/a",
        "frechet_ratio/b",
    }


def test_distances_grow_with_the_share_of_images_that_are_unlike_real_ones(monkeypatch):
    count = 4 * LEAST_OF_CLASS
    random = np.random.default_rng(1)
    images = np.repeat(random.integers(0, 256, (count, 4, 4, 1), np.uint8), 3, axis=3).repeat(7, 1).repeat(7, 2)
    labels = np.arange(count) % 2
    made = np.repeat(random.integers(0, 256, (count, 4, 4, 1), np.uint8), 3, axis=3).repeat(7, 1).repeat(7, 2)

    def measured(spoilt):
        pixels = iter(np.where(np.arange(count)[:, None, None, None] < spoilt, 255, made).astype(np.uint8))
        monkeypatch.setattr(
            quality, "to_pixels", lambda family, network, latent, labels: np.stack([next(pixels) for _ in latent])
        )
        return meter_of(images, labels).measure(torch.nn.Identity())

    good, worse, bad = measured(0), measured(10), measured(count)
    for name in ("frechet_distance", "frechet_ratio", "kernel_distance"):
        assert good[name] < worse[name] < bad[name], name
    assert good["frechet_ratio"] == pytest.approx(1, abs=0.5)


def test_classes_have_a_distance_where_they_have_images_enough(monkeypatch):
    labels = np.array([0] * 200 + [1] * 20)
    images = np.random.default_rng(1).integers(0, 256, (220, 28, 28, 3), np.uint8)
    monkeypatch.setattr(
        quality, "to_pixels", lambda family, network, latent, labels: np.zeros((len(latent), 28, 28, 3), np.uint8)
    )
    found = meter_of(images, labels).measure(torch.nn.Identity())
    assert "frechet_ratio/a" in found
    assert "frechet_ratio/b" not in found


def test_it_travels_as_json():
    config = replace(CONFIG, conditioning=Conditioning.UNCONDITIONAL)
    part = plan(config, LABELS, CLASSES)[0]
    course = Quality()
    assert course.add(part, 3, {"frechet_distance": 2.0})
    assert not course.add(part, 5, {"frechet_distance": 2.5})
    assert Quality.from_json(course.to_json()) == course
    assert course.latest == {"frechet_distance": 2.5}
    assert course.best == {"0": [3, 2.0]}


def ends(world, config):
    found = course(config, world)
    return found.checkpoints and (found.last.state, {k: tensor.numpy() for k, tensor in found.last.tensors.items()})


@pytest.mark.training
def test_two_workers_measure_what_one_does():
    state, tensors = run_workers(ends, 2, CONFIG)
    alone = course(CONFIG).last
    assert state == alone.state
    assert tensors.keys() == alone.tensors.keys()
    for name, values in alone.tensors.items():
        np.testing.assert_array_equal(tensors[name], values, err_msg=name)
