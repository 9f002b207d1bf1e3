"""An experiment on real servers: SeaweedFS, Valkey and a Ray head; servicer and reconciler in this process."""

import numpy as np
import pytest
from jobs_on_ray import ended, running_jobs, wait

from services.training.experiment_servicer import ExperimentServicer
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.experiments.v1.experiments_pb2 import Arm, Experiment, ExperimentSpecification, Fraction
from synthoscope.api.experiments.v1.experiments_service_pb2 import GetExperimentRequest, SubmitExperimentRequest
from synthoscope.api.jobs.v1.jobs_pb2 import JobState as ExperimentState
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.datasets.audit import storage
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.job import JobKind, JobState
from synthoscope.synthetic import sets

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

PARENT = "tenants/default"


@pytest.fixture(scope="module")
def jobs(platform):
    with running_jobs(platform, "services.training.run", JobKind.EXPERIMENT) as jobs:
        yield jobs


@pytest.fixture(scope="module")
def servicer(jobs):
    return ExperimentServicer(jobs.objects, jobs)


def picture(label: str, generator: np.random.Generator) -> np.ndarray:
    """A dim patch of one of two shapes in noise: a few images do not tell what many do."""
    pixels = generator.normal(80, 30, (64, 64))
    top, left = generator.integers(8, 40, 2)
    height, width = (16, 6) if label == "tall" else (6, 16)
    pixels[top : top + height, left : left + width] += 60
    return pixels.clip(0, 255).astype(np.uint8)


def version(objects, name: str, train: int, test: int, seed: int) -> str:
    generator = np.random.default_rng(seed)
    images = [
        DatasetImage(
            path=f"{number:04}.png",
            split=Split.SPLIT_TRAIN if number < train else Split.SPLIT_TEST,
            label=("tall", "wide")[number % 2],
            image=store_pixels(objects, "default", picture(("tall", "wide")[number % 2], generator)),
        )
        for number in range(train + test)
    ]
    stored = import_version(objects, f"{PARENT}/datasets/{name}", images).name
    storage.put(objects, stored, DatasetAudit())
    return stored


@pytest.fixture(scope="module")
def specification(jobs) -> ExperimentSpecification:
    """40 real images; 120 further ones; 120 synthetic ones that show nothing of the classes: noise with labels."""
    objects = jobs.objects
    generator = np.random.default_rng(5)
    noise = [
        SyntheticImage(
            index=index,
            label=("tall", "wide")[index % 2],
            image=store_pixels(objects, "default", generator.integers(0, 255, (64, 64)).astype(np.uint8)),
        )
        for index in range(120)
    ]
    record = SyntheticSet(name=f"{PARENT}/syntheticSets/noise", seed=1)
    return ExperimentSpecification(
        dataset_version=version(objects, "whole", 40, 100, seed=1),
        fractions=[
            Fraction(
                share=0.25,
                dataset_version=version(objects, "quarter", 40, 20, seed=2),
                further_version=version(objects, "further", 120, 0, seed=3),
                synthetic_sets=[sets.publish(objects, record, noise).name],
            )
        ],
        presets=["cnn-64"],
        training=ClassifierTrainingConfig(epochs=2, batch_size=8, steps_per_epoch=10),
        arms=[Arm.ARM_AUGMENTED, Arm.ARM_SYNTHETIC, Arm.ARM_ORACLE],
        ratios=[1.0],
        seeds=2,
    )


def submit(servicer, specification, accept_unadmitted=True) -> str:
    request = SubmitExperimentRequest(parent=PARENT, specification=specification, accept_unadmitted=accept_unadmitted)
    return servicer.SubmitExperiment(request, None).name


def experiment_of(servicer, job) -> Experiment:
    return servicer.GetExperiment(GetExperimentRequest(name=job.replace("/jobs/", "/experiments/")), None)


def test_an_experiment_trains_every_arm_and_opens_the_test_split_at_the_end(servicer, jobs, specification):
    job = wait(jobs, submit(servicer, specification), ended)
    assert (job.state, job.error) == (JobState.SUCCEEDED, None)
    found = experiment_of(servicer, job.name)
    assert (job.result, found.state) == (found.name, ExperimentState.JOB_STATE_SUCCEEDED)
    assert sorted((Arm.Name(trial.arm), trial.seed) for trial in found.trials) == [
        (arm, seed) for arm in ("ARM_AUGMENTED", "ARM_ORACLE", "ARM_REAL", "ARM_SYNTHETIC") for seed in (0, 1)
    ]
    assert all(len(trial.validation_macro_f1) == 2 and trial.test.classes for trial in found.trials)
    assert {Arm.Name(trial.arm): (trial.real_images, trial.synthetic_images) for trial in found.trials} == {
        "ARM_REAL": (40, 0), "ARM_AUGMENTED": (40, 0), "ARM_SYNTHETIC": (40, 40), "ARM_ORACLE": (160, 0),
    }  # fmt: skip
    assert found.chosen_preset == "cnn-64"
    assert {(item.arm, item.reference) for item in found.comparisons} == {
        ("real + synthetic ×1", "real"), ("real + synthetic ×1", "real + augmentation"), ("real + more real", "real"),
    }  # fmt: skip
    assert found.verdict
    assert all(trial.HasField("accuracy_on_synthetic") for trial in found.trials if trial.arm == Arm.ARM_REAL)
    again = experiment_of(servicer, wait(jobs, submit(servicer, specification), ended).name)
    assert all(trial.cached for trial in again.trials)
    assert [item.difference for item in again.comparisons] == [item.difference for item in found.comparisons]


def test_a_budget_spent_before_any_run_is_an_error(servicer, jobs, specification):
    short = ExperimentSpecification()
    short.CopyFrom(specification)
    short.training.steps_per_epoch = 11
    short.budget_minutes = 1e-6
    job = wait(jobs, submit(servicer, short), ended)
    assert job.state == JobState.FAILED
    assert "no network could be trained" in job.error.message
