import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from synthoscope.api.jobs.v1.jobs_service_pb2 import ListJobsRequest
from synthoscope.jobs.job import JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore, InMemoryRunner
from synthoscope.jobs.reconciler import Limits, Reconciler
from synthoscope.jobs.submission import Jobs
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Cancelled, Unavailable

KINDS = {JobKind.STUDY}
LIMITS = Limits(status_seconds=0)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


class World:
    """A service with its stores and runner, and a clock."""

    def __init__(self):
        self.clock = Clock()
        self.store = InMemoryJobStore(self.clock)
        self.jobs = Jobs(InMemoryObjectStore(), self.store)
        self.runner = InMemoryRunner()
        self.restart()

    def restart(self, max_running=1):
        self.reconciler = Reconciler(
            self.jobs, self.store, self.runner, KINDS, max_running, limits=LIMITS, clock=self.clock
        )

    def submit(self, kind=JobKind.STUDY, tenant="t"):
        return self.jobs.submit(tenant, kind, ListJobsRequest()).name

    def get(self, name):
        return self.store.get(name)

    def worker(self, name):
        return JobWorker(self.store, self.jobs.objects, name, self.get(name).attempt, report_seconds=0)

    def running(self):
        name = self.submit()
        self.reconciler.step()
        self.worker(name).running()
        self.store.beat(name, 1)
        return name

    def wait(self, seconds, beating=()):
        for _ in range(int(seconds)):
            self.clock.seconds += 1
            for name in beating:
                self.store.beat(name, self.get(name).attempt)
            self.reconciler.step()


@pytest.fixture
def world():
    return World()


def test_jobs_run_in_their_order_one_after_the_other(world):
    first, second, third = (world.submit() for _ in range(3))
    world.reconciler.step()
    assert world.runner.started == [(first, 1)]
    assert world.get(second).state_reason == "waits for 1 before it; 1 run at a time"
    assert world.get(third).state_reason == "waits for 2 before it; 1 run at a time"
    world.worker(first).succeed("x")
    world.reconciler.step()
    assert world.runner.started == [(first, 1), (second, 1)]
    assert world.get(third).state_reason == "waits for 1 before it; 1 run at a time"


def test_as_many_run_as_may(world):
    world.restart(max_running=2)
    names = [world.submit() for _ in range(3)]
    world.reconciler.step()
    assert [name for name, _ in world.runner.started] == names[:2]


def test_looking_again_changes_nothing(world):
    name = world.running()
    world.submit()
    world.reconciler.step()
    events = [world.store.events(job.name) for job in world.store.list("t").jobs]
    for _ in range(5):
        world.reconciler.step()
    assert [world.store.events(job.name) for job in world.store.list("t").jobs] == events
    assert world.runner.started == [(name, 1)]


def test_other_kinds_are_left_alone(world):
    name = world.submit(JobKind.SYNTHESIS)
    world.reconciler.step()
    assert world.get(name).attempt == 0


def test_a_job_whose_process_died_is_resumed_then_fails(world):
    name = world.running()
    for attempt in (1, 2):
        world.runner.die(name, attempt)
        world.reconciler.step()
        assert (world.get(name).state, world.get(name).attempt) == (JobState.QUEUED, attempt + 1)
        assert "process ended" in world.get(name).state_reason
        world.reconciler.step()
        assert (name, attempt + 1) in world.runner.alive
        world.worker(name).running()
    world.runner.die(name, 3)
    world.reconciler.step()
    job = world.get(name)
    assert job.state is JobState.FAILED
    assert job.error.code == "UNAVAILABLE"
    assert "lost 3 times" in job.error.message
    assert world.jobs.outcome(name) == job


def test_a_process_that_dies_before_it_begins_is_started_again(world):
    name = world.submit()
    world.reconciler.step()
    world.runner.die(name, 1)
    world.reconciler.step()
    world.reconciler.step()
    assert world.runner.alive == {(name, 2)}


def test_a_silent_worker_is_given_up_and_cannot_write_any_more(world):
    name = world.running()
    silent = world.worker(name)
    world.wait(25)
    assert world.get(name).attempt == 1
    world.wait(10)
    assert world.get(name).attempt == 2
    assert world.runner.alive == {(name, 2)}
    with pytest.raises(Cancelled):
        silent.succeed("x")


def test_a_beating_worker_may_take_its_time(world):
    name = world.running()
    world.wait(500, beating=[name])
    assert (world.get(name).state, world.get(name).attempt) == (JobState.RUNNING, 1)


def test_a_process_that_never_begins_is_given_up(world):
    name = world.submit()
    world.wait(130)
    assert world.get(name).attempt == 2


def test_a_restarted_service_adopts_its_jobs(world):
    name = world.running()
    world.restart()
    world.wait(3, beating=[name])
    assert world.runner.started == [(name, 1)]
    assert (world.get(name).state, world.get(name).attempt) == (JobState.RUNNING, 1)


def test_a_service_that_died_before_the_start_starts_the_job(world):
    name = world.submit()
    world.store.update(name, lambda job: replace(job, attempt=1))
    world.reconciler.step()
    assert world.runner.started == [(name, 1)]


def test_a_service_that_was_away_for_long_does_not_take_silence_for_death(world):
    name = world.running()
    world.clock.seconds += 10_000
    world.reconciler.step()
    assert world.get(name).attempt == 1
    world.wait(20, beating=[name])
    assert world.get(name).attempt == 1


def test_two_reconcilers_do_no_harm(world):
    other = Reconciler(world.jobs, world.store, world.runner, KINDS, 1, limits=LIMITS, clock=world.clock)
    name = world.running()
    other.step()
    world.runner.die(name, 1)
    world.reconciler.step()
    other.step()
    world.reconciler.step()
    assert world.runner.started == [(name, 1), (name, 2)]
    assert world.get(name).attempt == 2


def test_cancelling_waits_for_the_worker(world):
    name = world.running()
    world.jobs.cancel(name)
    world.wait(10, beating=[name])
    assert world.get(name).state is JobState.CANCELLING
    world.worker(name).cancel_done()
    world.reconciler.step()
    assert world.get(name).state is JobState.CANCELLED


def test_a_worker_that_does_not_answer_a_cancel_is_stopped(world):
    name = world.running()
    world.jobs.cancel(name)
    world.wait(20, beating=[name])
    assert world.get(name).state is JobState.CANCELLED
    assert "stopped" in world.get(name).state_reason
    assert world.runner.alive == set()
    assert world.jobs.outcome(name) == world.get(name)


def test_cancelling_a_job_whose_process_is_gone(world):
    name = world.running()
    world.runner.die(name, 1)
    world.jobs.cancel(name)
    world.reconciler.step()
    assert world.get(name).state is JobState.CANCELLED
    assert world.runner.started == [(name, 1)]


def test_a_job_that_waits_too_long_fails(world):
    late = datetime.now(UTC) - timedelta(days=2)
    held = world.running()
    name = world.submit()
    world.store.update(name, lambda job: replace(job, create_time=late))
    world.wait(1, beating=[held])
    job = world.get(name)
    assert (job.state, job.error.code) == (JobState.FAILED, "DEADLINE_EXCEEDED")
    assert "24 h" in job.error.message


def test_a_job_that_waits_too_long_at_the_runner_fails_and_is_stopped(world):
    name = world.submit()
    world.reconciler.step()
    world.store.update(name, lambda job: replace(job, create_time=datetime.now(UTC) - timedelta(days=2)))
    world.reconciler.step()
    assert world.get(name).state is JobState.FAILED
    assert world.runner.alive == set()


def test_a_runner_that_is_away_is_waited_for(world):
    world.runner.away = True
    name = world.submit()
    world.wait(5)
    assert (world.get(name).state, world.get(name).attempt) == (JobState.QUEUED, 1)
    world.runner.away = False
    world.reconciler.step()
    assert world.runner.alive == {(name, 1)}


def test_one_jobs_trouble_does_not_hold_up_the_others(world):
    world.restart(max_running=2)
    first = world.running()
    start, world.runner.status = world.runner.start, None

    def failing(job):
        if job.name == first:
            raise Unavailable("only this one")
        return InMemoryRunner.status(world.runner, job)

    world.runner.status = failing
    world.runner.start = start
    second = world.submit()
    world.reconciler.step()
    assert (second, 1) in world.runner.alive


def test_a_lost_store_is_rebuilt_and_the_running_attempt_adopted(world):
    name = world.running()
    world.runner.die(name, 1)
    world.reconciler.step()
    world.reconciler.step()
    worker = world.worker(name)
    assert worker.attempt == 2
    lost = InMemoryJobStore(world.clock)
    world.store._jobs = lost._jobs
    world.reconciler.distrust()
    for _ in range(4):
        world.reconciler.step()
    assert world.get(name).attempt == 2
    assert world.runner.started == [(name, 1), (name, 2)]
    worker.succeed("x")
    assert world.get(name).state is JobState.SUCCEEDED


async def test_the_loop_outlives_outages_and_stops_when_told():
    class Flaky(InMemoryJobStore):
        failures = 3

        def active(self, kinds):
            if self.failures:
                self.failures -= 1
                raise Unavailable("away") if self.failures else ValueError("a bug")
            return super().active(kinds)

    store, runner = Flaky(), InMemoryRunner()
    jobs = Jobs(InMemoryObjectStore(), store)
    name = jobs.submit("t", JobKind.STUDY, ListJobsRequest()).name
    limits = Limits(poll_seconds=0.01, longest_pause=0.02)
    stop = asyncio.Event()
    loop = asyncio.create_task(Reconciler(jobs, store, runner, KINDS, 1, limits=limits).run(stop))
    async with asyncio.timeout(10):
        while (name, 1) not in runner.alive:
            await asyncio.sleep(0.01)
        stop.set()
        await loop
