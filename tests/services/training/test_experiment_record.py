import pytest

import synthoscope
from services.training.experiment_record import ExperimentRecord
from services.training.experiment_tasks import Outcome
from synthoscope.api.experiments.v1.experiments_pb2 import Arm as ArmMessage
from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentSpecification, Fraction
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import Trial
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records

NAME = "tenants/t/experiments/e"
REAL = Trial(Arm.REAL, 0.0, 0, "cnn-64", 0)
SYNTHETIC = Trial(Arm.SYNTHETIC, 0.5, 1, "cnn-64", 3)
OUTCOME = Outcome("key", (0.5, 0.75), 40, 20, 7.5, cached=True)


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def reports():
    return []


@pytest.fixture
def record(objects, clock, reports):
    fractions = [Fraction(share=0.25), Fraction(share=1.0)]
    experiment = Experiment(name=NAME, specification=ExperimentSpecification(fractions=fractions))
    return ExperimentRecord(objects, experiment, reports.append, clock)


def stored(objects) -> Experiment:
    return Records(objects, Experiment).get(NAME)


def test_an_attempt_begins_anew(objects, reports):
    before = Experiment(name=NAME, chosen_preset="vgg16", cut_short=True, verdict=["old"], job="j")
    before.trials.add(id="old")
    before.comparisons.add(arm="old")
    ExperimentRecord(objects, before, reports.append).write()
    found = stored(objects)
    assert found.HasField("start_time")
    found.ClearField("start_time")
    expected = Experiment(name=NAME, job="j", state=JobState.JOB_STATE_RUNNING, code_version=synthoscope.__version__)
    assert found == expected


def test_what_ended_is_told_in_full(record, objects):
    record.plan([REAL, SYNTHETIC])
    record.ended(SYNTHETIC, OUTCOME)
    record.write()
    (trial,) = stored(objects).trials
    assert (trial.id, trial.arm, trial.ratio) == ("cnn-64-1-synthetic-0.5-3", ArmMessage.ARM_SYNTHETIC, 0.5)
    assert (trial.share, trial.preset, trial.seed) == (1.0, "cnn-64", 3)
    assert (trial.real_images, trial.synthetic_images) == (40, 20)
    assert list(trial.validation_macro_f1) == [0.5, 0.75]
    assert (trial.cached, trial.seconds, trial.error) == (True, 7.5, "")
    assert not trial.HasField("test")
    assert not trial.HasField("accuracy_on_synthetic")


def test_what_failed_says_why_and_is_not_among_what_ended_well(record):
    record.plan([REAL, SYNTHETIC])
    record.failed(REAL, "there are too few")
    record.ended(SYNTHETIC, OUTCOME)
    assert [(trial.id, trial.error) for trial in record.experiment.trials] == [
        (REAL.id, "there are too few"), (SYNTHETIC.id, ""),
    ]  # fmt: skip
    assert list(record.finished) == [SYNTHETIC]


def test_what_is_added_to_a_finished_trial_is_in_the_record(record, objects):
    """So the test's scores get there, once all trials have ended."""
    record.plan([REAL, SYNTHETIC])
    record.ended(REAL, OUTCOME)
    record.ended(SYNTHETIC, OUTCOME)
    record.finished[REAL].accuracy_on_synthetic = 0.5
    record.write()
    assert [trial.HasField("accuracy_on_synthetic") for trial in stored(objects).trials] == [True, False]


def test_it_is_written_at_most_once_a_second(record, objects, clock):
    record.plan([REAL] * 100)
    record.write()
    for seconds, written in ((0.5, 0), (0.4, 0), (0.2, 3), (0.9, 3), (0.1, 5)):
        clock.now += seconds
        record.ended(REAL, OUTCOME)
        assert len(stored(objects).trials) == written
    record.write(JobState.JOB_STATE_SUCCEEDED)
    assert (len(stored(objects).trials), stored(objects).state) == (5, JobState.JOB_STATE_SUCCEEDED)


def test_a_state_stays_until_another_is_given(record, objects):
    record.write(JobState.JOB_STATE_FAILED)
    record.write()
    assert stored(objects).state == JobState.JOB_STATE_FAILED


def test_progress_counts_trials_and_tells_how_long_it_will_take(record, clock, reports):
    record.plan([REAL, SYNTHETIC])
    clock.now += 30
    record.ended(REAL, OUTCOME)
    record.plan([SYNTHETIC, SYNTHETIC])
    clock.now += 30
    record.failed(SYNTHETIC, "why")
    assert [(item.phase, item.step, item.total_steps, item.remaining_seconds) for item in reports] == [
        ("trained: cnn-64, real, seed 0", 1, 2, 30.0),
        ("failed: cnn-64, real + synthetic ×0.5, seed 3", 2, 4, 60.0),
    ]
    record.phase("testing", 1, 2)
    assert (reports[-1].phase, reports[-1].step, reports[-1].total_steps) == ("testing", 1, 2)


def test_minutes_are_those_of_this_attempt(record, clock):
    clock.now += 90
    assert record.minutes == 1.5
