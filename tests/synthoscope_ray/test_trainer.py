"""Ray Train on real servers: SeaweedFS, Valkey and a Ray head. The loop is that of GAN training jobs."""

import random
import time

import numpy as np
import psutil
import pytest
from jobs_on_ray import ended, running_jobs, wait

from services.training.servicer import TrainingServicer
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.training.v1.training_pb2 import GanTrainingConfig
from synthoscope.api.training.v1.training_service_pb2 import SubmitGanTrainingRequest
from synthoscope.datasets.importing import import_version
from synthoscope.gan.monitors import FLAGS
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.event_files import event_files
from synthoscope.jobs.job import JobKind, JobState
from synthoscope.local.sweep import STACK_VARIABLE
from synthoscope.models.weights import load_weights
from synthoscope_ray.callbacks import checkpoints

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

STEPS = 12


@pytest.fixture(scope="module")
def jobs(platform):
    with running_jobs(platform, "services.training.run", JobKind.GAN_TRAINING) as jobs:
        yield jobs


def images_of(objects, name, count=32):
    generator = np.random.default_rng(0)
    images = []
    for index in range(count):
        pixels = generator.integers(0, 256, (64, 64, 3)).astype(np.uint8)
        ref = store_pixels(objects, "default", pixels)
        images.append(DatasetImage(path=f"{index:03}.png", split=Split.SPLIT_TRAIN, label="ab"[index % 2], image=ref))
    return import_version(objects, f"tenants/default/datasets/trainer-{name}", images).name, images


@pytest.fixture(scope="module")
def dataset(jobs):
    return images_of(jobs.objects, "noise")[0]


def submit(jobs, dataset, **config):
    request = SubmitGanTrainingRequest(
        parent="tenants/default",
        dataset_version=dataset,
        model_id="gan",
        config=GanTrainingConfig(
            **{"preset": "dcgan-64", "epochs": STEPS // 4, "batch_size": 8, "checkpoint_every": 5, **config}
        ),
    )
    return TrainingServicer(jobs.objects, jobs).SubmitGanTraining(request, None).name


def finished(jobs, name):
    """The model version of a job that succeeds."""
    job = wait(jobs, name, ended)
    assert job.state is JobState.SUCCEEDED, job
    assert job.progress.step == STEPS
    return models.get(jobs.objects, job.result)


@pytest.fixture(scope="module")
def undisturbed(jobs, dataset):
    return finished(jobs, submit(jobs, dataset, sample_every=6))


def weights_sha256(record):
    return next(file.sha256 for file in record.files if file.path == "weights.safetensors")


def processes(platform, part_of_command):
    """The processes of this stack with something in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if part_of_command in " ".join(process.info["cmdline"] or ()):
            try:
                if process.environ().get(STACK_VARIABLE) == platform.stack:
                    found.append(process)
            except psutil.Error:  # it has ended meanwhile
                continue
    return found


def test_the_result_is_a_published_version(undisturbed, dataset):
    assert undisturbed.preset == "dcgan-64"
    assert list(undisturbed.classes) == ["a", "b"]
    assert undisturbed.lineage.dataset_version == dataset
    assert [curve.metric for curve in undisturbed.curves] == [
        "generator_loss",
        "discriminator_loss",
        "real_probability",
        "generated_probability",
        *FLAGS,
    ]
    assert list(undisturbed.curves[0].steps) == list(range(1, STEPS + 1))
    assert [(grid.step, grid.label) for grid in undisturbed.sample_grids] == [
        (step, label) for step in (1, 6, 12) for label in "ab"
    ]
    assert undisturbed.config["threads"] == 2


def test_the_default_family_with_all_that_a_run_keeps(jobs, dataset):
    """Averaged and best weights, measured with the real features; events of every checkpoint and grid."""
    name = submit(jobs, dataset, preset="r3", image_size=32, width=2, measure_kimg=0.048, sample_every=6)
    record = finished(jobs, name)
    kinds = {tensor.split(".")[1] for tensor in load_weights(jobs.objects, record)}
    assert kinds == {"generator", "discriminator", "average", "best"}
    measured = {curve.metric: list(curve.steps) for curve in record.curves if "distance" in curve.metric}
    assert measured == {"frechet_distance": [6, 12], "kernel_distance": [6, 12]}
    assert [file.name[-3:] for file in event_files(jobs.objects, name)] == ["001", "005", "006", "010", "012"]
    deadline = time.monotonic() + 60  # they are removed after the state has changed
    while checkpoints(jobs.objects, name).steps():
        assert time.monotonic() < deadline, "they served their purpose, and stay"
        time.sleep(0.1)


def test_a_worker_that_is_killed_is_replaced_and_the_weights_are_the_same(platform, jobs, dataset, undisturbed):
    name = submit(jobs, dataset, sample_every=6)
    wait(jobs, name, lambda job: job.progress.step >= 6)
    (worker,) = processes(platform, "RayTrainWorker")
    worker.kill()
    record = finished(jobs, name)
    assert weights_sha256(record) == weights_sha256(undisturbed)
    assert record.curves == undisturbed.curves
    assert record.sample_grids == undisturbed.sample_grids
    assert jobs.store.get(name).attempt == 1


@pytest.mark.slow
def test_two_workers_give_the_weights_of_one_though_one_is_killed(platform, jobs, dataset, undisturbed):
    name = submit(jobs, dataset, sample_every=6, workers=2)
    wait(jobs, name, lambda job: job.progress.step >= 6)
    workers = processes(platform, "RayTrainWorker")
    assert len(workers) == 2
    workers[1].kill()
    record = finished(jobs, name)
    assert weights_sha256(record) == weights_sha256(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["r3", "lsgan"])
def test_two_workers_of_other_families_give_the_same_bits_though_one_is_killed_at_a_random_step(
    platform, jobs, dataset, preset
):
    steps = 400
    options = {
        "preset": preset,
        "epochs": steps // 4,
        "image_size": 32,
        "width": 4,
        "workers": 2,
        "sample_every": steps,
    }
    undisturbed = wait(jobs, submit(jobs, dataset, **options), ended)
    assert undisturbed.state is JobState.SUCCEEDED, undisturbed
    name, step = submit(jobs, dataset, **options), random.randrange(10, steps // 2)
    wait(jobs, name, lambda job: job.progress.step >= step)
    random.choice(processes(platform, "RayTrainWorker")).kill()
    disturbed = wait(jobs, name, ended)
    assert disturbed.state is JobState.SUCCEEDED, (step, disturbed)
    first, second = (models.get(jobs.objects, job.result) for job in (undisturbed, disturbed))
    assert weights_sha256(second) == weights_sha256(first), f"killed at step {step}"
    assert second.curves == first.curves
    assert "worker_history" not in second.config


@pytest.mark.slow
def test_a_driver_that_is_killed_leaves_nothing_behind_that_stops_the_next_attempt(
    platform, jobs, dataset, undisturbed
):
    name = submit(jobs, dataset, sample_every=6, workers=2)
    wait(jobs, name, lambda job: job.progress.step >= 6)
    for driver in processes(platform, f"services.training.run {name}"):
        driver.kill()
    record = finished(jobs, name)
    assert weights_sha256(record) == weights_sha256(undisturbed)
    assert jobs.store.get(name).attempt == 2


def test_cancelling_ends_the_job_and_publishes_nothing(jobs, dataset):
    name = submit(jobs, dataset, epochs=1000)
    at = wait(jobs, name, lambda job: job.progress.step >= 2).progress.step
    jobs.cancel(name)
    job = wait(jobs, name, ended, seconds=60)
    assert job.state is JobState.CANCELLED
    assert job.progress.step <= at + 25
    assert not job.result


def test_an_error_of_the_loop_is_the_jobs_and_is_not_tried_again(jobs):
    dataset, images = images_of(jobs.objects, "lost", count=33)
    jobs.objects.delete(images[-1].image.name)
    job = wait(jobs, submit(jobs, dataset), ended)
    assert job.state is JobState.FAILED
    assert job.error.code in ("NOT_FOUND", "DATA_LOSS")
    assert "Traceback" not in job.error.message
    assert job.attempt == 1


def test_what_does_not_fit_waits_and_says_so_and_can_be_cancelled(jobs, dataset):
    name = submit(jobs, dataset, workers=4)
    job = wait(jobs, name, lambda job: job.state_reason == "waits for 3 CPU: 2 of 2 free")
    assert job.state is JobState.QUEUED
    jobs.cancel(name)
    assert wait(jobs, name, ended, seconds=60).state is JobState.CANCELLED
