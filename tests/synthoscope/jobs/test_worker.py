import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from synthoscope.jobs.job import Job, JobError, JobKind, JobState, Progress
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.outcomes import outcome
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Cancelled, InvalidInput, NotFound, Unavailable

NAME = "tenants/t/jobs/j"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Flaky(InMemoryJobStore):
    """A store that can be sent away."""

    away = False

    def _kept(self, name):
        if self.away:
            raise Unavailable("away")
        return super()._kept(name)


@pytest.fixture
def store():
    store = Flaky()
    store.create(Job(NAME, JobKind.STUDY, JobState.QUEUED, NOW, attempt=1))
    return store


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def worker(store, objects):
    return JobWorker(store, objects, NAME, 1, beat_seconds=0.02, report_seconds=0)


def become(store, state):
    return store.update(NAME, lambda job: job.to(state, now=NOW))


def test_a_job_from_waiting_to_its_end(worker, store, objects):
    worker.queued("waits for 1 CPU")
    assert store.get(NAME).state_reason == "waits for 1 CPU"
    worker.running()
    assert store.get(NAME).state is JobState.RUNNING
    worker.report(Progress("training", 1, 2), previews=["a"])
    assert store.get(NAME).progress == Progress("training", 1, 2)
    assert store.events(NAME)[-1].previews == ("a",)
    worker.succeed("tenants/t/models/m/versions/v")
    job = store.get(NAME)
    assert (job.state, job.result) == (JobState.SUCCEEDED, "tenants/t/models/m/versions/v")
    assert outcome(objects, NAME) == job


def test_the_first_report_begins_the_job(worker, store):
    worker.report(Progress("training", 1, 2))
    assert store.get(NAME).state is JobState.RUNNING
    assert store.get(NAME).start_time is not None


def test_waiting_is_only_said_of_a_waiting_job(worker, store):
    worker.running()
    worker.queued("waits")
    assert store.get(NAME).state_reason == ""


def test_reports_in_between_are_left_out_but_not_the_last(store, objects):
    worker = JobWorker(store, objects, NAME, 1, report_seconds=60)
    for step in range(100):
        worker.report(Progress(step=step))
    assert store.get(NAME).progress.step == 0
    worker.succeed("x")
    assert store.get(NAME).progress.step == 99


def test_pictures_are_shown_at_once(store, objects):
    worker = JobWorker(store, objects, NAME, 1, report_seconds=60)
    worker.report(Progress(step=1))
    worker.report(Progress(step=2), previews=["a"])
    assert [event.previews for event in store.events(NAME)] == [(), (), ("a",)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvalidInput("epochs", "must be positive"), JobError("INVALID_ARGUMENT", "epochs: must be positive")),
        (JobError("INTERNAL", "id 1"), JobError("INTERNAL", "id 1")),
    ],
)
def test_a_failed_job_says_why(worker, store, objects, error, expected):
    worker.fail(error)
    assert store.get(NAME).error == expected
    assert outcome(objects, NAME).state is JobState.FAILED


def test_cancelling(worker, store, objects):
    worker.running()
    assert not worker.cancelled()
    become(store, JobState.CANCELLING)
    assert worker.cancelled()
    worker.report(Progress(step=5))
    worker.cancel_done()
    assert store.get(NAME).state is JobState.CANCELLED
    assert outcome(objects, NAME).state is JobState.CANCELLED


def test_a_job_cancelled_before_it_began_does_not_run(worker, store):
    become(store, JobState.CANCELLING)
    with pytest.raises(Cancelled):
        worker.running()


def test_a_cancel_that_comes_too_late(worker, store):
    worker.running()
    become(store, JobState.CANCELLING)
    worker.succeed("x")
    assert store.get(NAME).state is JobState.SUCCEEDED


def test_a_worker_that_was_given_up_cannot_write(worker, store, objects):
    worker.running()
    moved = store.update(NAME, lambda job: replace(job.to(JobState.QUEUED, now=NOW), attempt=2))
    assert worker.cancelled()
    for write in (
        worker.running,
        worker.cancel_done,
        lambda: worker.queued("x"),
        lambda: worker.report(Progress(step=9)),
        lambda: worker.succeed("x"),
        lambda: worker.fail(InvalidInput("a", "b")),
    ):
        with pytest.raises(Cancelled, match="attempt"):
            write()
    assert store.get(NAME) == moved
    assert outcome(objects, NAME) is None


def test_an_ended_job_stays_as_it_is(worker, store):
    worker.running()
    failed = become(store, JobState.FAILED)
    assert worker.cancelled()
    with pytest.raises(Cancelled):
        worker.succeed("x")
    assert store.get(NAME) == failed


def test_ending_twice_is_ending_once(worker, store):
    worker.succeed("x")
    worker.succeed("x")
    assert store.get(NAME).result == "x"


def test_it_shows_that_it_is_alive(worker, store):
    assert store.seconds_since_beat(NAME, 1) is None
    with worker:
        for _ in range(3):  # it counts up until the next beat
            before, deadline = store.seconds_since_beat(NAME, 1), time.monotonic() + 10
            while (since := store.seconds_since_beat(NAME, 1)) >= before:
                assert time.monotonic() < deadline
                before = since
                time.sleep(0.01)
    at_the_end = store.seconds_since_beat(NAME, 1)
    time.sleep(0.1)
    assert store.seconds_since_beat(NAME, 1) > at_the_end + 0.05
    assert threading.active_count() == 1 or "heartbeat" not in {thread.name for thread in threading.enumerate()}


def test_work_goes_on_while_the_store_is_away(worker, store):
    worker.running()
    store.away = True
    with worker:
        worker.report(Progress(step=1), previews=["a"])
        assert not worker.cancelled()
        begun = time.monotonic()
        for _ in range(1000):
            worker.cancelled()
        assert time.monotonic() - begun < 1
    store.away = False
    worker.succeed("x")
    assert store.get(NAME).progress.step == 1
    assert store.events(NAME)[-1].previews == ("a",)


def test_the_end_is_written_once_the_store_is_back(worker, store):
    store.away = True
    threading.Timer(0.3, setattr, [store, "away", False]).start()
    worker.succeed("x")
    assert store.get(NAME).state is JobState.SUCCEEDED


def test_patience_ends(store, objects):
    store.away = True
    with pytest.raises(Unavailable):
        JobWorker(store, objects, NAME, 1, patience=0.2).succeed("x")


def test_a_store_that_was_lost_is_waited_for(objects):
    store = InMemoryJobStore()
    worker = JobWorker(store, objects, NAME, 2, report_seconds=0)
    worker.report(Progress(step=1))
    assert not worker.cancelled()
    store.create(Job(NAME, JobKind.STUDY, JobState.QUEUED, NOW, attempt=1))
    threading.Timer(0.3, store.update, [NAME, lambda job: replace(job, attempt=2)]).start()
    worker.succeed("x")
    assert store.get(NAME).state is JobState.SUCCEEDED
    with pytest.raises(NotFound):
        store.get("tenants/t/jobs/none")
