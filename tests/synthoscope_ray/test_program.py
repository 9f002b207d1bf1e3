import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import ray.exceptions

from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Cancelled, InvalidInput, Unavailable
from synthoscope_ray.program import Stores, attempt_job, open_stores

NAME = "tenants/t/jobs/j"
LOST = [
    ray.exceptions.ActorDiedError(),
    ray.exceptions.NodeDiedError("10.0.0.1"),
    ray.exceptions.LocalRayletDiedError(),
    ray.exceptions.RpcError("gone"),
]


@pytest.fixture
def stores():
    stores = Stores(SimpleNamespace(), InMemoryObjectStore(), InMemoryJobStore())
    stores.jobs.create(Job(NAME, JobKind.STUDY, JobState.QUEUED, datetime(2026, 11, 21, tzinfo=UTC), attempt=1))
    return stores


def attempt(main, stores, **values):
    return attempt_job(main, JobWorker(stores.jobs, stores.objects, NAME, 1, **values), stores)


def raising(error):
    def main(worker, stores):
        worker.running()
        raise error

    return main


@pytest.mark.parametrize("error", LOST)
def test_a_cluster_that_goes_down_is_not_the_jobs_end(stores, error):
    assert not attempt(raising(error), stores)
    job = stores.jobs.get(NAME)
    assert (job.state, job.error) == (JobState.RUNNING, None)


def test_what_main_made_is_the_result(stores):
    assert attempt(lambda worker, stores: f"{worker.name}/made", stores)
    job = stores.jobs.get(NAME)
    assert (job.state, job.result) == (JobState.SUCCEEDED, f"{NAME}/made")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InvalidInput("epochs", "must be positive"), "INVALID_ARGUMENT", "epochs: must be positive"),
        (Unavailable("the object store is away"), "UNAVAILABLE", "the object store is away"),
        (MemoryError(), "RESOURCE_EXHAUSTED", "needs more memory"),
        (ray.exceptions.OutOfMemoryError("node 10.0.0.1"), "RESOURCE_EXHAUSTED", "needs more memory"),
        (ValueError("Jane Doe"), "INTERNAL", "under the id"),
    ],
)
def test_an_error_is_told_as_far_as_its_owner_may_know(stores, error, code, message):
    assert not attempt(raising(error), stores)
    job = stores.jobs.get(NAME)
    assert (job.state, job.error.code) == (JobState.FAILED, code)
    assert message in job.error.message
    assert not {"Jane", "10.0.0.1", "Traceback"} & set(job.error.message.split())


def test_a_cancelled_job_is_not_begun(stores):
    stores.jobs.update(NAME, lambda job: job.to(JobState.CANCELLING, now=datetime.now(UTC)))
    assert not attempt(lambda worker, stores: pytest.fail("it began"), stores)
    assert stores.jobs.get(NAME).state is JobState.CANCELLED


def test_a_job_that_stops_is_cancelled(stores):
    def main(worker, stores):
        worker.running()
        stores.jobs.update(NAME, lambda job: job.to(JobState.CANCELLING, now=datetime.now(UTC)))
        raise Cancelled("stopped")

    assert not attempt(main, stores)
    assert stores.jobs.get(NAME).state is JobState.CANCELLED


def test_an_attempt_that_was_overtaken_leaves_the_job_alone(stores):
    def main(worker, stores):
        worker.running()
        stores.jobs.update(NAME, lambda job: job.to(JobState.FAILED, now=datetime.now(UTC)))
        return "made"

    before = len(stores.jobs.events(NAME))
    assert not attempt(main, stores)
    assert stores.jobs.get(NAME).state is JobState.FAILED
    assert len(stores.jobs.events(NAME)) == before + 2


def test_stores_come_from_the_environment(monkeypatch):
    open_stores.cache_clear()
    values = {
        "OBJECTS__ENDPOINT": "127.0.0.1:9000",
        "OBJECTS__ACCESS_KEY": "a",
        "OBJECTS__SECRET_KEY": "b",
        "REDIS__PORT": "6380",
        "RAY__WORKER_CPUS": "0.5",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"SYNTHOSCOPE_{name}", value)
    settings = open_stores().settings
    assert (settings.objects.endpoint, settings.redis.port, settings.ray.worker_cpus) == ("127.0.0.1:9000", 6380, 0.5)
    assert "b" not in json.loads(settings.model_dump_json())["objects"]["secret_key"]
    assert open_stores() is open_stores()
    open_stores.cache_clear()
