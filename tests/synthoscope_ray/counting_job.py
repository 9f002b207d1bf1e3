"""A job that counts to 100 in steps of 50 ms, keeps its count in the object store, and goes on from there."""

import os
import time

from synthoscope.api.jobs.v1.jobs_service_pb2 import ListJobsRequest
from synthoscope.jobs.job import Progress
from synthoscope.rpc.errors import Cancelled, FailedPrecondition
from synthoscope_ray.program import run_job

STEPS = 100


def main(worker, stores):
    request = worker.specification(ListJobsRequest)
    if request.page_token == "fail":
        raise FailedPrecondition("asked to fail")
    if request.page_token == "break":
        raise ValueError("secret of a patient")
    if request.page_token == "memory":
        raise MemoryError
    key = f"{worker.name}/count"
    begun_at = int(stores.objects.get(key)) if stores.objects.head(key) else 0
    for step in range(begun_at, STEPS):
        if worker.cancelled():
            raise Cancelled("stopped")
        time.sleep(0.05)
        stores.objects.put(key, str(step + 1).encode())
        metrics = {"pid": os.getpid(), "begun_at": begun_at}
        worker.report(Progress("counting", step + 1, STEPS, metrics=metrics))
    return f"{worker.name}/result"


if __name__ == "__main__":
    run_job(main)
