"""The process of one attempt of a job: what `python -m module JOB ATTEMPT` does around its own work."""

import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import ray
import ray.exceptions
import structlog

from synthoscope.jobs.job import JobError
from synthoscope.jobs.redis import RedisJobStore
from synthoscope.jobs.store import JobStore
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import MinioObjectStore, ObjectStore
from synthoscope.rpc import logging
from synthoscope.rpc.errors import Cancelled, SynthoscopeError
from synthoscope_ray.memory import is_lack_of_memory, lack_of_memory
from synthoscope_ray.settings import ProgramSettings
from synthoscope_ray.tasks import MEMORY_RETRIES

# What a driver sees while its cluster is stopped. Actors that are killed for their memory raise OutOfMemoryError.
_CLUSTER_LOST = (
    ray.exceptions.RayActorError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.LocalRayletDiedError,
    ray.exceptions.RpcError,
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Stores:
    """What a job's processes work with, as their environment says."""

    settings: ProgramSettings
    objects: ObjectStore
    jobs: JobStore


@cache
def open_stores() -> Stores:
    """The stores that the environment names; the same ones each time in one process. Nothing is connected yet."""
    settings = ProgramSettings()  # type: ignore[call-arg]  # from the environment
    return Stores(settings, MinioObjectStore(settings.objects), RedisJobStore(settings.redis))


def run_job(main: Callable[[JobWorker, Stores], str]) -> None:
    """Runs the attempt that the command line names, records how it ended, and exits: 0 when it succeeded.

    `main` returns the resource name of what it made. It says `worker.running()` or reports when its first real step
    begins, and raises Cancelled when `worker.cancelled()`. It raises a SynthoscopeError whose text helps the job's
    owner; of any other error the owner sees an id, and the log the rest.
    """
    name, attempt = sys.argv[1], int(sys.argv[2])
    logging.configure("job")
    structlog.contextvars.bind_contextvars(job=name, attempt=attempt)
    stores = open_stores()
    os.environ[MEMORY_RETRIES] = str(stores.settings.ray.worker_retries)
    succeeded = False
    try:
        with JobWorker(stores.jobs, stores.objects, name, attempt) as worker:
            succeeded = attempt_job(main, worker, stores)
        if ray.is_initialized():
            ray.shutdown()
    except SystemExit:  # what Ray makes of SIGTERM
        log.warning("job.attempt_stopped")
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that libraries left behind may not keep an attempt alive that has ended.
    os._exit(0 if succeeded else 1)


def attempt_job(main: Callable[[JobWorker, Stores], str], worker: JobWorker, stores: Stores) -> bool:
    """Runs `main` and records how it ended; returns whether it succeeded."""
    try:
        return _attempt(main, worker, stores)
    except Cancelled as error:
        log.warning("job.attempt_overtaken", reason=error.message)
    except SynthoscopeError as error:
        log.error("job.end_not_recorded", reason=error.message)
    return False


def _attempt(main: Callable[[JobWorker, Stores], str], worker: JobWorker, stores: Stores) -> bool:
    try:
        if worker.cancelled():
            raise Cancelled("cancelled before it began")
        result = main(worker, stores)
    except Cancelled:
        worker.cancel_done()
    except SynthoscopeError as error:
        log.warning("job.failed", code=error.status.name, reason=error.message)
        worker.fail(error)
    except _CLUSTER_LOST as error:
        # Not the job's end: the cluster, or this node of it, is going down. Whoever looks after jobs starts the next
        # attempt, as after a crash.
        log.warning("job.attempt_lost", reason=type(error).__name__)
    except Exception as error:  # the process boundary: its text may hold patient data, so it stays in the log
        error_id = uuid.uuid4().hex[:12]
        log.exception("job.unexpected_error", error_id=error_id)
        unexpected = JobError("INTERNAL", f"an unexpected error; the logs have it under the id {error_id}")
        worker.fail(lack_of_memory() if is_lack_of_memory(error) else unexpected)
    else:
        worker.succeed(result)
        return True
    return False
