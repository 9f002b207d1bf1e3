"""Jobs on a real Ray, as a service has them: its reconciler runs in the test's process, its jobs in Ray's."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from synthoscope.jobs.job import Job, JobKind
from synthoscope.jobs.reconciler import Reconciler
from synthoscope.jobs.redis import RedisJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.local.environment import of_stack
from synthoscope.local.state import StackState
from synthoscope.objects import MinioObjectStore
from synthoscope_ray.runner import RayJobRunner
from synthoscope_ray.settings import RaySettings


def runner_of(state: StackState, module: str) -> RayJobRunner:
    return RayJobRunner(RaySettings(dashboard_url=state.dashboard), module)


@contextmanager
def running_jobs(state: StackState, module: str, *kinds: JobKind) -> Iterator[Jobs]:
    """The jobs of a service that is up: `module` is what Ray runs for jobs of these kinds."""
    environment = of_stack(state)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            patch.setenv(name, environment[name])
        jobs = Jobs(MinioObjectStore(state.objects), RedisJobStore(state.redis))
        reconciler = Reconciler(jobs, jobs.store, runner_of(state, module), kinds, max_running=1)
        loop, stop = asyncio.new_event_loop(), asyncio.Event()
        thread = threading.Thread(target=loop.run_until_complete, args=(reconciler.run(stop),))
        thread.start()
        try:
            yield jobs
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(30)
            loop.close()


def ended(job: Job) -> bool:
    return job.state.ended


def wait(jobs: Jobs, name: str, condition: Callable[[Job], object], seconds: float = 240) -> Job:
    """The job once the condition holds; the test fails when it ends without, or takes too long."""
    deadline = time.monotonic() + seconds
    while not condition(job := jobs.store.get(name)):
        assert not job.state.ended, job
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job
