"""Studies on real servers: SeaweedFS, Valkey and a Ray head; the service's servicer and reconciler in this process."""

import time

import numpy as np
import pytest
from jobs_on_ray import ended, runner_of, running_jobs, wait

from services.tuning.servicer import TuningServicer
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.jobs.v1.jobs_pb2 import JobState as StudyState
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import DoubleRange, NumberChoice, Parameter, StudySpecification
from synthoscope.api.tuning.v1.tuning_service_pb2 import GetStudyRequest, SubmitStudyRequest
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.job import JobKind, JobState

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

RATE = Parameter(name="learning_rate", range=DoubleRange(minimum=3e-4, maximum=3e-3, log=True))
BETA = Parameter(name="beta1", choice=NumberChoice(values=[0.0, 0.5]))


@pytest.fixture(scope="module")
def jobs(platform):
    with running_jobs(platform, "services.tuning.run", JobKind.STUDY) as jobs:
        yield jobs


@pytest.fixture(scope="module")
def servicer(jobs):
    return TuningServicer(jobs.objects, jobs)


@pytest.fixture(scope="module")
def dataset(jobs):
    return import_noise(jobs.objects, "noise", seed=0)[0]


def import_noise(objects, name, seed):
    """A version of 80 images whose two classes differ in brightness: its name, and its images."""
    generator = np.random.default_rng(seed)
    images = []
    for index in range(80):
        pixels = generator.integers(0, 80, size=(64, 64, 3)) + 120 * (index % 2)
        ref = store_pixels(objects, "default", pixels.astype(np.uint8))
        image = DatasetImage(path=f"{index:03}.png", split=Split.SPLIT_TRAIN, label="ab"[index % 2], image=ref)
        images.append(image)
    return import_version(objects, f"tenants/default/datasets/tuning-{name}", images).name, images


def classifier(*parameters, trials=3, epochs=2, **fields):
    base = ClassifierTrainingConfig(preset="cnn-64", epochs=epochs, batch_size=16, validation_fraction=0.25)
    return StudySpecification(classifier=base, parameters=parameters or [RATE], max_trials=trials, **fields)


def gan(*parameters, trials=2, epochs=1, **fields):
    base = GanTrainingConfig(preset="dcgan-64", epochs=epochs, batch_size=16)
    return StudySpecification(gan=base, parameters=parameters or [RATE, BETA], max_trials=trials, **fields)


def submit(servicer, dataset, specification):
    request = SubmitStudyRequest(parent="tenants/default", dataset_version=dataset, specification=specification)
    return servicer.SubmitStudy(request, None).name


def study_of(servicer, job):
    return servicer.GetStudy(GetStudyRequest(name=job.replace("/jobs/", "/studies/")), None)


def test_a_classifier_study(servicer, jobs, dataset):
    job = wait(jobs, submit(servicer, dataset, classifier()), ended)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    study = study_of(servicer, job.name)
    assert job.result == study.name
    assert study.state == StudyState.JOB_STATE_SUCCEEDED
    assert [trial.id for trial in study.trials] == ["1", "2", "3"]
    assert all(trial.state == StudyState.JOB_STATE_SUCCEEDED for trial in study.trials)
    best = next(trial for trial in study.trials if trial.id == study.best_trial)
    assert best.best_objective == max(trial.best_objective for trial in study.trials)
    assert study.best_config["learning_rate"] == best.parameters["learning_rate"]
    assert all(len(trial.objective_values) == 2 or trial.stopped_early for trial in study.trials)
    events = jobs.store.events(job.name)
    assert [event.job.progress.step for event in events if event.job.progress.total_steps][-1] == 3
    assert any(study.best_trial and event.job.progress.metrics for event in events)


def test_a_gan_study(servicer, jobs, dataset):
    job = wait(jobs, submit(servicer, dataset, gan(max_images=64)), ended)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    study = study_of(servicer, job.name)
    best = next(trial for trial in study.trials if trial.id == study.best_trial)
    assert best.best_objective == min(trial.best_objective for trial in study.trials) > 0
    assert study.best_config["beta1"] == best.parameters["beta1"]


def test_a_study_is_stopped_while_it_trains(servicer, jobs, dataset):
    name = submit(servicer, dataset, classifier(epochs=2000, trials=2))
    wait(jobs, name, lambda job: any(trial.objective_values for trial in study_of(servicer, name).trials))
    began = time.monotonic()
    jobs.cancel(name)
    job = wait(jobs, name, ended)
    assert (job.state, job.error) == (JobState.CANCELLED, None)
    assert time.monotonic() - began < 60
    study = study_of(servicer, name)
    assert study.state == StudyState.JOB_STATE_CANCELLED
    assert [trial.state for trial in study.trials] == [StudyState.JOB_STATE_CANCELLED]


def test_a_study_whose_every_trial_fails_says_why(servicer, jobs):
    damaged, images = import_noise(jobs.objects, "damaged", seed=1)
    jobs.objects.delete(images[0].image.name)
    job = wait(jobs, submit(servicer, damaged, classifier(trials=2)), ended)
    assert (job.state, job.error.code) == (JobState.FAILED, "FAILED_PRECONDITION")
    study = study_of(servicer, job.name)
    assert study.state == StudyState.JOB_STATE_FAILED
    assert [trial.state for trial in study.trials] == [StudyState.JOB_STATE_FAILED] * 2
    assert study.trials[0].error
    assert job.error.message == f"every trial failed; the first one: {study.trials[0].error}"
    assert images[0].image.sha256 in study.trials[0].error


def test_a_study_that_lost_its_driver_goes_on_without_repeating_trials(servicer, jobs, dataset, platform):
    name = submit(servicer, dataset, classifier(epochs=4, trials=3, grace_period=4))
    wait(jobs, name, lambda job: job.progress.step >= 1)
    runner_of(platform, "services.tuning.run").stop(jobs.store.get(name))
    job = wait(jobs, name, ended)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    study = study_of(servicer, name)
    assert [trial.id for trial in study.trials] == ["1", "2", "3"]
    assert all(len(trial.objective_values) == 4 for trial in study.trials)
