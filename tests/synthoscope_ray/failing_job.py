"""A job whose work fails each time that it is tried, and says in the object store that it was tried."""

import os
import signal
import time
import uuid
from functools import partial

import ray

from synthoscope.api.jobs.v1.jobs_service_pb2 import ListJobsRequest
from synthoscope_ray import trainer
from synthoscope_ray.program import open_stores, run_job
from synthoscope_ray.tasks import RemoteTask


def lack_memory():
    raise MemoryError


def lack_memory_as_torch_does():
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def wait_to_be_killed():
    time.sleep(600)


WAYS = {way.__name__: way for way in (lack_memory, lack_memory_as_torch_does, die, wait_to_be_killed)}


def attempt(job, way):
    open_stores().objects.put(f"{job}/tries/{uuid.uuid4().hex}", b"tried")
    way()


def main(worker, stores):
    what, _, how = worker.specification(ListJobsRequest).page_token.partition(" ")
    work = partial(attempt, worker.name, WAYS[how])
    if what == "training":
        trainer.run(worker, stores, lambda world, callbacks, resume: work())
    else:
        alone = {"address": "local", "num_cpus": 1, "include_dashboard": False, "object_store_memory": 100_000_000}
        ray.init(**(alone if what == "alone" else {"address": "auto"}))
        task = RemoteTask(attempt, cpus=0.5, retries=stores.settings.ray.worker_retries)
        task.result(task.start(worker.name, WAYS[how]))
    return f"{worker.name}/result"


if __name__ == "__main__":
    run_job(main)
