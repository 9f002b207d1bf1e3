"""What dies comes back, and nothing is lost."""

import os
import signal
import time

import pytest

from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import DoubleRange, Parameter, StudySpecification
from synthoscope.local.status import status
from synthoscope.rpc.errors import Cancelled, FailedPrecondition

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def pid_of(stack, name):
    return next(process.pid for process in status(stack.home) if process.name == name)


def wait_for_step(client, job, step):
    wait_for(lambda: client.jobs.get(job).progress.step >= step)


def weights(version):
    return {file.path: file.sha256 for file in version.files if file.path.endswith(".safetensors")}


def test_killed_training_service_changes_nothing(stack, client, dataset, gan, gan_config):
    job = client.models.train_gan(dataset, "disturbed", gan_config).name
    wait_for_step(client, job, 2)
    killed = pid_of(stack, "training")
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: pid_of(stack, "training") not in (0, killed))
    disturbed = client.jobs.wait(job)

    assert disturbed.state == JobState.JOB_STATE_SUCCEEDED
    first, second = client.models.get(gan), client.models.get(disturbed.result)
    assert weights(first)
    assert weights(first) == weights(second)


def test_job_is_cancelled_within_a_step(client, dataset):
    config = GanTrainingConfig(preset="dcgan-64", epochs=1000, batch_size=32)
    job = client.models.train_gan(dataset, "cancelled", config).name
    wait_for_step(client, job, 1)
    step = client.jobs.cancel(job).progress.step
    with pytest.raises(Cancelled):
        client.jobs.wait(job)
    assert client.jobs.get(job).progress.step <= step + 8  # the progress seen lags up to a quarter of a second
    with pytest.raises(FailedPrecondition):
        client.jobs.cancel(job)


def test_serving_training_and_a_study_run_side_by_side(client, dataset, phantoms, model):
    training = client.models.train_gan(dataset, "beside-gan", GanTrainingConfig(preset="dcgan-64", epochs=1000)).name
    waiting = client.models.train_gan(dataset, "waiting-gan", GanTrainingConfig(preset="dcgan-64", epochs=1000)).name
    space = [Parameter(name="learning_rate", range=DoubleRange(minimum=1e-4, maximum=1e-2, log=True))]
    specification = StudySpecification(
        classifier=ClassifierTrainingConfig(preset="cnn-64", epochs=200), parameters=space, max_trials=1
    )
    study = client.studies.start(dataset, specification).name
    try:
        for job in (training, study):
            wait_for(lambda job=job: client.jobs.get(job).state == JobState.JOB_STATE_RUNNING, 120)
        queued = client.jobs.get(waiting)
        assert queued.state == JobState.JOB_STATE_QUEUED
        assert queued.state_reason
        image = next(phantoms.glob("test/glioma/*.png")).read_bytes()
        assert client.diagnoses.diagnose(image, model).name
        assert client.jobs.get(training).state == client.jobs.get(study).state == JobState.JOB_STATE_RUNNING
    finally:
        for job in (waiting, training, study):
            client.jobs.cancel(job)
    for job in (waiting, training, study):
        with pytest.raises(Cancelled):
            client.jobs.wait(job)
