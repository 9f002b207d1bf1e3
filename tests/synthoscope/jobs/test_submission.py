import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from synthoscope.api.jobs.v1.jobs_service_pb2 import GetJobRequest, ListJobsRequest
from synthoscope.jobs.job import JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import LONGEST_REQUEST_ID, Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import (
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    ResourceExhausted,
    Unavailable,
)

NOW = datetime.now(UTC)
REQUEST = ListJobsRequest(parent="tenants/t", page_size=3)


@pytest.fixture
def jobs():
    return Jobs(InMemoryObjectStore(), InMemoryJobStore())


def specifications(jobs):
    return [info.key for info in jobs.objects.list("tenants/") if info.key.endswith("/specification.json")]


def test_a_submitted_job_is_queued_and_its_specification_stored(jobs):
    job = jobs.submit("t", JobKind.STUDY, REQUEST)
    assert job.name.startswith("tenants/t/jobs/")
    assert (job.state, job.kind, job.attempt) == (JobState.QUEUED, JobKind.STUDY, 0)
    assert jobs.specification(job.name, ListJobsRequest) == REQUEST
    assert specifications(jobs) == [f"{job.name}/specification.json"]


def test_without_request_id_every_submission_is_another_job(jobs):
    assert jobs.submit("t", JobKind.STUDY, REQUEST).name != jobs.submit("t", JobKind.STUDY, REQUEST).name


def test_the_same_request_is_the_same_job(jobs):
    first = jobs.submit("t", JobKind.STUDY, REQUEST, "r")
    jobs.store.update(first.name, lambda job: job.to(JobState.RUNNING, now=NOW))
    second = jobs.submit("t", JobKind.STUDY, REQUEST, "r")
    assert (second.name, second.state) == (first.name, JobState.RUNNING)
    assert len(specifications(jobs)) == 1


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        (JobKind.STUDY, ListJobsRequest(parent="tenants/t", page_size=4)),
        (JobKind.STUDY, GetJobRequest(name="tenants/t")),
        (JobKind.SYNTHESIS, REQUEST),
    ],
    ids=["other value", "other message", "other kind"],
)
def test_a_request_id_stands_for_one_request(jobs, kind, request_):
    jobs.submit("t", JobKind.STUDY, REQUEST, "r")
    with pytest.raises(AlreadyExists, match="request_id"):
        jobs.submit("t", kind, request_, "r")
    assert len(specifications(jobs)) == 1


def test_the_same_request_is_the_same_job_though_its_names_mean_something_else_by_then(jobs):
    request = GetJobRequest(name="latest")
    first = jobs.submit("t", JobKind.STUDY, request, "r", {"name": "then"})
    assert jobs.submit("t", JobKind.STUDY, request, "r", {"name": "now"}).name == first.name
    assert jobs.specification(first.name, GetJobRequest).name == "then"


def test_request_ids_are_a_tenants_own(jobs):
    assert jobs.submit("t", JobKind.STUDY, REQUEST, "r").name != jobs.submit("u", JobKind.STUDY, REQUEST, "r").name


def test_a_long_request_id_is_refused(jobs):
    jobs.submit("t", JobKind.STUDY, REQUEST, "r" * LONGEST_REQUEST_ID)
    with pytest.raises(InvalidInput, match="request_id"):
        jobs.submit("t", JobKind.STUDY, REQUEST, "r" * (LONGEST_REQUEST_ID + 1))


def test_fifty_racing_deliveries_are_one_job(jobs):
    with ThreadPoolExecutor(16) as threads:
        names = set(threads.map(lambda _: jobs.submit("t", JobKind.STUDY, REQUEST, "r").name, range(50)))
    assert len(names) == 1
    assert len(jobs.store.list("t").jobs) == 1


def test_of_racing_different_requests_one_is_taken(jobs):
    def submit(size):
        try:
            return jobs.submit("t", JobKind.STUDY, ListJobsRequest(page_size=size), "r").name
        except AlreadyExists:
            return None

    with ThreadPoolExecutor(8) as threads:
        taken = [name for name in threads.map(submit, range(8)) if name]
    assert len(taken) == 1


class Failing(InMemoryJobStore):
    """A store whose `create` fails `times` times."""

    def __init__(self, error, times):
        super().__init__()
        self.error, self.times = error, times

    def create(self, job):
        if self.times:
            self.times -= 1
            raise self.error
        return super().create(job)


def test_a_retry_after_the_job_store_was_away_gives_the_job():
    jobs = Jobs(InMemoryObjectStore(), Failing(Unavailable("away"), 1))
    with pytest.raises(Unavailable):
        jobs.submit("t", JobKind.STUDY, REQUEST, "r")
    assert jobs.submit("t", JobKind.STUDY, REQUEST, "r").state is JobState.QUEUED
    assert len(specifications(jobs)) == 1


def test_what_a_full_store_refused_is_not_run_later():
    jobs = Jobs(InMemoryObjectStore(), Failing(ResourceExhausted("full"), 1))
    with pytest.raises(ResourceExhausted):
        jobs.submit("t", JobKind.STUDY, REQUEST)
    assert specifications(jobs) == []
    assert jobs.rebuild() == 0


def test_a_waiting_job_is_cancelled_at_once(jobs):
    job = jobs.cancel(jobs.submit("t", JobKind.STUDY, REQUEST).name)
    assert job.state is JobState.CANCELLED
    assert jobs.outcome(job.name) == job
    with pytest.raises(FailedPrecondition, match="CANCELLED"):
        jobs.cancel(job.name)


def test_a_running_job_is_asked_to_stop(jobs):
    name = jobs.submit("t", JobKind.STUDY, REQUEST).name
    jobs.store.update(name, lambda job: job.to(JobState.RUNNING, now=NOW))
    assert jobs.cancel(name).state is JobState.CANCELLING
    assert jobs.cancel(name).state is JobState.CANCELLING
    assert jobs.outcome(name) is None


def test_a_lost_store_is_rebuilt_from_the_objects(jobs):
    waiting = jobs.submit("t", JobKind.STUDY, REQUEST, "r")
    ended = jobs.cancel(jobs.submit("u", JobKind.SYNTHESIS, REQUEST).name)
    fresh = Jobs(jobs.objects, InMemoryJobStore())
    assert fresh.rebuild() == 2
    assert fresh.store.get(waiting.name) == waiting
    assert fresh.store.get(ended.name) == ended
    assert [job.name for job in fresh.store.active(set(JobKind))] == [waiting.name]
    assert fresh.rebuild() == 0


def test_a_lost_job_comes_back_when_it_is_asked_for_again(jobs):
    job = jobs.submit("t", JobKind.STUDY, REQUEST, "r")
    fresh = Jobs(jobs.objects, InMemoryJobStore())
    assert fresh.submit("t", JobKind.STUDY, REQUEST, "r") == job


def test_a_damaged_specification_does_not_stop_the_others(jobs):
    damaged = jobs.submit("t", JobKind.STUDY, REQUEST)
    jobs.submit("t", JobKind.STUDY, REQUEST)
    jobs.objects.put(f"{damaged.name}/specification.json", b"{")
    with pytest.raises(DataLoss):
        jobs.specification(damaged.name, ListJobsRequest)
    assert Jobs(jobs.objects, InMemoryJobStore()).rebuild() == 1


def test_reading_a_specification(jobs):
    job = jobs.submit("t", JobKind.STUDY, REQUEST)
    with pytest.raises(DataLoss, match="ListJobsRequest"):
        jobs.specification(job.name, GetJobRequest)
    with pytest.raises(NotFound):
        jobs.specification("tenants/t/jobs/none", ListJobsRequest)
    values = json.loads(jobs.objects.get(f"{job.name}/specification.json"))
    assert values["request"] == {"parent": "tenants/t", "pageSize": 3}
