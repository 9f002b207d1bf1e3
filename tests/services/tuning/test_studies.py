from datetime import UTC, datetime

import pytest

from services.tuning.studies import StudyRecord, new_study
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.api.tuning.v1.tuning_pb2 import Objective, Study, StudySpecification
from synthoscope.api.tuning.v1.tuning_service_pb2 import SubmitStudyRequest
from synthoscope.jobs.job import Job, JobKind
from synthoscope.jobs.job import JobState as State
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records

NAME = "tenants/default/studies/abc"
DRAWN = [{"learning_rate": rate} for rate in (1e-3, 1e-2, 1e-1)]


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def study(kind="classifier"):
    base = (
        {"classifier": ClassifierTrainingConfig(preset="cnn-64", epochs=2)}
        if kind == "classifier"
        else {"gan": GanTrainingConfig(preset="dcgan-64", epochs=2)}
    )
    job = Job("tenants/default/jobs/abc", JobKind.STUDY, State.QUEUED, datetime.now(UTC))
    specification = StudySpecification(**base, max_trials=3)
    return new_study(job, SubmitStudyRequest(dataset_version="d", specification=specification))


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def progress():
    return []


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def record(objects, progress, clock):
    return StudyRecord(objects, study(), DRAWN, progress.append, clock)


def stored(objects):
    return Records(objects, Study).get(NAME)


def run(record, value, trial=None):
    trial = trial or record.waiting[0]
    record.started(trial)
    record.measured(trial.id, value, 2.0, 50.0)
    record.succeeded(trial.id, stopped_early=False)
    return trial


def test_a_new_study_waits_for_its_job():
    made = study("gan")
    assert (made.name, made.job, made.state) == (NAME, "tenants/default/jobs/abc", JobState.JOB_STATE_QUEUED)
    assert made.objective == Objective.OBJECTIVE_FRECHET_DISTANCE


def test_the_best_trial_has_the_largest_macro_f1(record, objects):
    run(record, 0.5)
    best = run(record, 0.7)
    run(record, 0.6)
    record.end(JobState.JOB_STATE_SUCCEEDED)
    made = stored(objects)
    assert (made.state, made.best_trial) == (JobState.JOB_STATE_SUCCEEDED, best.id)
    assert made.best_config["learning_rate"] == 1e-2
    assert made.best_config["preset"] == "cnn-64"
    assert [trial.parameters["learning_rate"] for trial in made.trials] == [1e-3, 1e-2, 1e-1]


def test_the_best_trial_has_the_smallest_frechet_distance(objects, progress, clock):
    record = StudyRecord(objects, study("gan"), DRAWN, progress.append, clock)
    run(record, 50.0)
    best = run(record, 20.0)
    record.measured(best.id, 30.0, 3.0, 50.0)
    assert record.study.best_trial == best.id
    assert record.study.trials[1].best_objective == 20.0
    assert list(record.study.trials[1].objective_values) == [20.0, 30.0]


def test_the_record_is_written_while_the_study_runs_but_not_at_every_change(record, objects, clock):
    trial = record.waiting[0]
    record.started(trial)
    clock.now += 0.5
    record.measured(trial.id, 0.5, 1.0, 50.0)
    assert not stored(objects).trials[0].objective_values
    clock.now += 0.6
    record.measured(trial.id, 0.6, 2.0, 50.0)
    assert list(stored(objects).trials[0].objective_values) == [0.5, 0.6]


def test_progress_counts_finished_trials_and_tells_the_best_value(record, progress, clock):
    trial = record.waiting[0]
    record.started(trial)
    clock.now += 10
    record.measured(trial.id, 0.5, 2.0, 50.0)
    told = progress[-1]
    assert (told.step, told.total_steps, told.images_per_second) == (0, 3, 50.0)
    assert told.metrics == {"best_validation_macro_f1": 0.5}
    # One of the six epochs took ten seconds.
    assert told.remaining_seconds == pytest.approx(50.0)
    record.succeeded(trial.id, stopped_early=True)
    assert progress[-1].step == 1


def test_a_failed_trial_keeps_its_error_and_does_not_count(record):
    trial = record.waiting[0]
    record.started(trial)
    record.measured(trial.id, 0.9, 1.0, 50.0)
    record.failed(trial.id, "training diverged")
    assert record.study.best_trial == ""
    assert record.first_error == "training diverged"
    run(record, 0.1)
    assert record.first_error is None
    assert record.study.trials[0].error == "training diverged"


def test_a_second_attempt_does_not_repeat_finished_trials(record, objects, progress, clock):
    run(record, 0.5)
    unfinished = record.waiting[0]
    record.started(unfinished)
    record.measured(unfinished.id, 0.9, 1.0, 50.0)
    record.write()
    again = StudyRecord(objects, stored(objects), DRAWN, progress.append, clock)
    assert [trial.id for trial in again.waiting] == ["2", "3"]
    assert [trial.id for trial in again.study.trials] == ["1"]
    assert again.study.best_trial == "1"


def test_trials_that_run_when_a_study_is_cancelled_are_cancelled(record, objects):
    run(record, 0.5)
    record.started(record.waiting[0])
    record.end(JobState.JOB_STATE_CANCELLED)
    assert [trial.state for trial in stored(objects).trials] == [
        JobState.JOB_STATE_SUCCEEDED,
        JobState.JOB_STATE_CANCELLED,
    ]
