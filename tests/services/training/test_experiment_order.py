"""What an experiment's job does, in which order, with fakes of Ray and of the tasks in this process."""

import re
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from ray.exceptions import RayTaskError

from services.training import experiment_run, experiment_tasks
from services.training.experiment_record import ExperimentRecord
from services.training.experiment_tasks import Outcome
from services.training.experiments import experiment_name, new_experiment
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.experiments.v1.experiments_pb2 import Arm as ArmMessage
from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentSpecification, Fraction
from synthoscope.api.experiments.v1.experiments_service_pb2 import SubmitExperimentRequest
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.datasets.audit import storage
from synthoscope.datasets.importing import import_version
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import Trial
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled, FailedPrecondition
from synthoscope_ray.program import Stores

CURVES = {"cnn-64": (0.9, 0.1, 0.1, 0.9), "cnn-128": (0.2, 0.5, 0.5, 0.5)}
"""Macro F1 on validation: the first network is better at best, at last and in the mean, but not of the last epochs."""

TESTED = 20


class Tasks:
    """Ray and its tasks: each one ends when it is waited for. Tells what began and ended, in its order."""

    def __init__(self):
        self.told, self.cancelled, self.at_end, self.failing = [], [], lambda done: None, set()
        self.error = FailedPrecondition("there are too few")

    def __call__(self, function, cpus, retries):
        """In place of RemoteTask."""
        kind = "train" if function is experiment_tasks.train else "test"
        return SimpleNamespace(start=lambda work, *given: self.start(kind, *given), result=self.result)

    def start(self, kind, trial, *key):
        self.told.append((f"{kind} begins", trial))
        return (kind, trial)

    def result(self, reference):
        kind, trial = reference
        self.told.append((f"{kind} ended", trial))
        self.at_end(len(self.told))
        if trial.arm in self.failing:
            raise self.error
        if kind == "test":
            generator = np.random.default_rng([trial.seed, list(Arm).index(trial.arm)])
            return experiment_tasks.Tested(generator.dirichlet([1, 1], TESTED).astype(np.float32), None)
        synthetic = 40 if trial.arm is Arm.SYNTHETIC else 0
        return Outcome(trial.id, CURVES[trial.preset], 40, synthetic, 1.0, cached=False)

    def is_initialized(self):
        return True

    def cluster_resources(self):
        return {"CPU": 2}

    def wait(self, references, num_returns, timeout):
        return references[:num_returns], references[num_returns:]

    def cancel(self, reference):
        self.cancelled.append(reference)

    def begun(self, kind):
        return [trial for what, trial in self.told if what == f"{kind} begins"]


@pytest.fixture
def tasks(monkeypatch):
    tasks = Tasks()
    monkeypatch.setattr(experiment_run, "ray", tasks)
    monkeypatch.setattr(experiment_run, "RemoteTask", tasks)
    monkeypatch.setattr(experiment_run, "QueueWatch", lambda *given: SimpleNamespace(look=lambda: None))
    monkeypatch.setattr(experiment_run, "ensure_grouping", lambda *given: None)
    return tasks


@pytest.fixture
def stores():
    settings = SimpleNamespace(ray=SimpleNamespace(worker_cpus=1.0, worker_retries=0, worker_threads=1))
    return Stores(settings, InMemoryObjectStore(), InMemoryJobStore())


@pytest.fixture
def jobs(stores):
    return Jobs(stores.objects, stores.jobs)


@pytest.fixture
def specification(stores):
    pixels = store_pixels(stores.objects, "t", np.zeros((8, 8), np.uint8))
    images = [
        DatasetImage(path=f"{split}/{number:02}", split=split, label="ab"[number % 2], image=pixels)
        for split in (Split.SPLIT_TRAIN, Split.SPLIT_TEST)
        for number in range(TESTED)
    ]
    version = import_version(stores.objects, "tenants/t/datasets/d", images).name
    storage.put(stores.objects, version, DatasetAudit())
    fractions = [
        Fraction(share=share, dataset_version=version, synthetic_sets=["tenants/t/syntheticSets/s"])
        for share in (0.5, 1.0)
    ]
    return ExperimentSpecification(
        dataset_version=version,
        fractions=fractions,
        presets=list(CURVES),
        arms=[ArmMessage.ARM_AUGMENTED, ArmMessage.ARM_SYNTHETIC],
        ratios=[1.0],
        seeds=2,
    )


@pytest.fixture
def worker(stores, jobs, specification):
    request = SubmitExperimentRequest(parent="tenants/t", specification=specification)
    job = jobs.submit("t", JobKind.EXPERIMENT, request)
    worker = JobWorker(stores.jobs, stores.objects, job.name, job.attempt)
    worker.running()
    return worker


def stored(stores, worker) -> Experiment:
    return Records(stores.objects, Experiment).get(experiment_name(worker.name))


def test_the_test_split_is_opened_when_all_training_has_ended_and_once_for_each_run(tasks, worker, stores):
    experiment_run.run(worker, stores)
    kinds = [what for what, _ in tasks.told]
    first = kinds.index("test begins")
    assert set(kinds[:first]) == {"train begins", "train ended"}
    assert set(kinds[first:]) == {"test begins", "test ended"}
    trained = tasks.begun("train")
    # Two networks on the largest fraction without and with synthetic images, then the other runs of the chosen one.
    assert len(trained) == len(set(trained)) == 2 * (4 + 1 + 3)
    assert sorted(trial.id for trial in tasks.begun("test")) == sorted(trial.id for trial in trained)
    found = stored(stores, worker)
    assert (found.state, found.chosen_preset) == (JobState.JOB_STATE_SUCCEEDED, "cnn-128")
    assert {trial.preset for trial in trained[8:]} == {"cnn-128"}
    assert all(trial.test.classes for trial in found.trials)
    assert {item.share for item in found.comparisons} == {0.5, 1.0}
    assert found.start_time.seconds <= found.end_time.seconds
    assert found.code_version
    assert found.hardware.startswith("2 CPUs (")
    assert found.verdict


def test_what_failed_is_not_tested_and_the_others_are(tasks, worker, stores):
    tasks.failing = {Arm.AUGMENTED}
    experiment_run.run(worker, stores)
    assert {trial.arm for trial in tasks.begun("test")} == {Arm.REAL, Arm.SYNTHETIC}
    found = stored(stores, worker)
    assert [trial.error for trial in found.trials if trial.error] == ["there are too few"] * 4
    assert all("There was no comparison with real + augmentation" in text for text in found.verdict[::2])


def test_a_run_that_fails_unexpectedly_is_told_by_an_id_and_the_others_go_on(tasks, worker, stores):
    tasks.failing = {Arm.AUGMENTED}
    tasks.error = RayTaskError("train", "traceback with Jane Doe's name", ValueError("Jane Doe"))
    experiment_run.run(worker, stores)
    found = stored(stores, worker)
    assert found.state == JobState.JOB_STATE_SUCCEEDED
    errors = [trial.error for trial in found.trials if trial.error]
    assert len(errors) == 4
    assert all(
        re.fullmatch(r"an unexpected error; the logs have it under the id [0-9a-f]{12}", text) for text in errors
    )


def test_what_breaks_the_whole_experiment_leaves_it_failed(tasks, worker, stores, monkeypatch):
    monkeypatch.setattr(experiment_run, "summarise", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        experiment_run.run(worker, stores)
    found = stored(stores, worker)
    assert found.state == JobState.JOB_STATE_FAILED
    assert found.HasField("end_time")


def test_when_its_minutes_are_over_no_run_begins_and_what_was_done_is_judged(
    tasks, worker, stores, specification, monkeypatch
):
    minutes = [0.0]
    monkeypatch.setattr(experiment_run, "ExperimentRecord", partial(ExperimentRecord, clock=lambda: 60 * minutes[0]))
    tasks.at_end = lambda done: minutes.append(minutes.pop() + 1)
    specification.budget_minutes = 13.0
    request = SubmitExperimentRequest(parent="tenants/t", specification=specification)
    job = Jobs(stores.objects, stores.jobs).submit("t", JobKind.EXPERIMENT, request)
    timed = JobWorker(stores.jobs, stores.objects, job.name, job.attempt)
    timed.running()
    experiment_run.run(timed, stores)
    found = stored(stores, timed)
    # Three run at a time: when the thirteenth ends, two others have begun.
    assert found.cut_short
    assert len(tasks.begun("train")) == len(tasks.begun("test")) == 15
    assert (found.state, len(found.trials)) == (JobState.JOB_STATE_SUCCEEDED, 15)
    assert found.verdict


@pytest.mark.parametrize("after", [5, 20])
def test_cancelling_it_midway_stops_what_runs_and_tests_nothing(tasks, worker, stores, jobs, after):
    tasks.at_end = lambda done: jobs.cancel(worker.name) if done >= after else None
    with pytest.raises(Cancelled, match=r"stopped after \d+ trainings"):
        experiment_run.run(worker, stores)
    found = stored(stores, worker)
    ended = [trial for what, trial in tasks.told if what == "train ended"]
    assert found.state == JobState.JOB_STATE_CANCELLED
    assert [trial.id for trial in found.trials] == [trial.id for trial in ended]
    assert {trial for _, trial in tasks.cancelled} == set(tasks.begun("train")) - set(ended)
    assert tasks.cancelled
    assert not tasks.begun("test")
    assert not found.verdict


def test_cancelling_it_while_it_is_tested_leaves_no_verdict(tasks, worker, stores, jobs):
    tasks.at_end = lambda done: jobs.cancel(worker.name) if tasks.told[-1][0] == "test ended" else None
    with pytest.raises(Cancelled):
        experiment_run.run(worker, stores)
    found = stored(stores, worker)
    assert found.state == JobState.JOB_STATE_CANCELLED
    assert tasks.begun("test")
    assert not found.verdict
    assert not any(trial.test.classes for trial in found.trials)


def record_of(stores, worker, specification, curves) -> ExperimentRecord:
    """Runs on the largest fraction that ended, each (preset, arm) with its curve and a seed."""
    experiment = new_experiment(stores.jobs.get(worker.name), specification)
    record = ExperimentRecord(stores.objects, experiment, lambda progress: None)
    for seed, (preset, arm, curve) in enumerate(curves):
        record.ended(Trial(arm, 0.0, 1, preset, seed), Outcome("key", curve, 40, 0, 1.0, cached=False))
    return record


def test_the_network_with_the_best_last_three_epochs_over_its_seeds_takes_part(stores, worker, specification):
    steady, lucky = CURVES["cnn-128"], CURVES["cnn-64"]
    curves = [("cnn-64", Arm.REAL, lucky), ("cnn-128", Arm.REAL, steady)]
    assert experiment_run._chosen(record_of(stores, worker, specification, curves)) == "cnn-128"
    curves = [("cnn-128", Arm.REAL, steady), ("cnn-64", Arm.REAL, (0.6,) * 4), ("cnn-64", Arm.REAL, (0.3,) * 4)]
    assert experiment_run._chosen(record_of(stores, worker, specification, curves)) == "cnn-128"


def test_what_synthetic_images_give_a_network_is_no_reason_to_choose_it(stores, worker, specification):
    curves = [("cnn-64", Arm.REAL, (0.4,)), ("cnn-64", Arm.SYNTHETIC, (1.0,)), ("cnn-128", Arm.REAL, (0.5,))]
    assert experiment_run._chosen(record_of(stores, worker, specification, curves)) == "cnn-128"
