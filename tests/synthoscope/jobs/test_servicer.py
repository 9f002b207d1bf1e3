import asyncio
from datetime import UTC, datetime

import pytest

from synthoscope.api.jobs.v1 import jobs_pb2, jobs_service_pb2
from synthoscope.jobs.job import JobKind, JobState, Progress
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.servicer import JobServicer
from synthoscope.jobs.submission import Jobs
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound

NOW = datetime.now(UTC)
REQUEST = jobs_service_pb2.GetJobRequest()


@pytest.fixture
def jobs():
    return Jobs(InMemoryObjectStore(), InMemoryJobStore())


@pytest.fixture
def servicer(jobs):
    return JobServicer(jobs)


async def watch(servicer, name, after=""):
    request = jobs_service_pb2.WatchJobRequest(name=name, after=after)
    return [event async for event in servicer.WatchJob(request, None)]


def worker_of(jobs, name):
    jobs.store.update(name, lambda job: job)
    return JobWorker(jobs.store, jobs.objects, name, 0, report_seconds=0)


def test_getting_a_job(servicer, jobs):
    job = jobs.submit("t", JobKind.STUDY, REQUEST, "r")
    message = servicer.GetJob(jobs_service_pb2.GetJobRequest(name=job.name), None)
    assert (message.name, message.kind, message.state) == (
        job.name,
        jobs_pb2.JOB_KIND_STUDY,
        jobs_pb2.JOB_STATE_QUEUED,
    )
    assert message.request_id == "r"


@pytest.mark.parametrize("method", ["GetJob", "CancelJob"])
def test_names_that_are_none(servicer, method):
    request = jobs_service_pb2.GetJobRequest
    with pytest.raises(InvalidInput, match="tenants/"):
        getattr(servicer, method)(request(name="jobs/x"), None)
    with pytest.raises(NotFound):
        getattr(servicer, method)(request(name="tenants/t/jobs/none"), None)


def test_listing(servicer, jobs):
    names = [jobs.submit("t", kind, REQUEST).name for kind in (JobKind.STUDY, JobKind.SYNTHESIS, JobKind.STUDY)]
    jobs.cancel(names[0])
    request = jobs_service_pb2.ListJobsRequest

    def listed(**values):
        return [job.name for job in servicer.ListJobs(request(parent="tenants/t", **values), None).jobs]

    assert listed() == names[::-1]
    assert listed(kind=jobs_pb2.JOB_KIND_STUDY) == [names[2], names[0]]
    assert listed(state=jobs_pb2.JOB_STATE_CANCELLED) == [names[0]]
    first = servicer.ListJobs(request(parent="tenants/t", page_size=2), None)
    assert listed(page_token=first.next_page_token) == [names[0]]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"parent": "t"}, "parent"),
        ({"page_size": -1}, "page_size"),
        ({"page_size": 1001}, "page_size"),
        ({"page_token": "x"}, "page_token"),
        ({"kind": 99}, "kind"),
        ({"state": 99}, "state"),
    ],
)
def test_bad_listings_name_the_field(servicer, values, field):
    with pytest.raises(InvalidInput, match=field):
        servicer.ListJobs(jobs_service_pb2.ListJobsRequest(**({"parent": "tenants/t"} | values)), None)


def test_cancelling(servicer, jobs):
    request = jobs_service_pb2.CancelJobRequest(name=jobs.submit("t", JobKind.STUDY, REQUEST).name)
    assert servicer.CancelJob(request, None).state == jobs_pb2.JOB_STATE_CANCELLED
    with pytest.raises(FailedPrecondition):
        servicer.CancelJob(request, None)


async def test_watching_replays_and_ends(servicer, jobs):
    name = jobs.submit("t", JobKind.STUDY, REQUEST).name
    worker = worker_of(jobs, name)
    worker.report(Progress(step=1))
    worker.succeed("x")
    events = await watch(servicer, name)
    assert events[0].job.state == jobs_pb2.JOB_STATE_QUEUED
    assert (events[-1].job.state, events[-1].job.result) == (jobs_pb2.JOB_STATE_SUCCEEDED, "x")
    assert await watch(servicer, name, events[-2].id) == events[-1:]
    assert await watch(servicer, name, events[-1].id) == []


async def test_watching_follows_until_the_end(servicer, jobs):
    name = jobs.submit("t", JobKind.STUDY, REQUEST).name
    watching = asyncio.create_task(watch(servicer, name))
    worker = worker_of(jobs, name)
    for step in (1, 2):
        await asyncio.sleep(0.05)
        worker.report(Progress(step=step))
    await asyncio.sleep(0.3)
    assert not watching.done()
    jobs.store.update(name, lambda job: job.to(JobState.FAILED, now=NOW))
    async with asyncio.timeout(5):
        events = await watching
    assert [event.job.progress.step for event in events[-3:]] == [1, 2, 2]
    assert events[-1].job.state == jobs_pb2.JOB_STATE_FAILED


async def test_a_watch_that_stops_leaves_nothing(servicer, jobs):
    watching = asyncio.create_task(watch(servicer, jobs.submit("t", JobKind.STUDY, REQUEST).name))
    await asyncio.sleep(0.1)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def test_an_old_job_whose_events_are_gone_shows_its_end(servicer, jobs):
    name = jobs.submit("t", JobKind.STUDY, REQUEST).name
    job = jobs.cancel(name)
    jobs.store._jobs[name].events.clear()
    events = await watch(servicer, name)
    assert [(event.id, event.job.state) for event in events] == [("", jobs_pb2.JOB_STATE_CANCELLED)]
    assert job.state is JobState.CANCELLED


async def test_previews_are_references(servicer, jobs):
    name = jobs.submit("t", JobKind.STUDY, REQUEST).name
    metadata = {"width": "8", "height": "4", "mode": "L", "media-type": "image/png"}
    jobs.objects.put("tenants/t/images/ab", b"123", metadata=metadata)
    worker = worker_of(jobs, name)
    worker.report(Progress(step=1), previews=["tenants/t/images/ab", "tenants/t/images/cd"])
    worker.succeed("x")
    known, unknown = next(event.previews for event in await watch(servicer, name) if event.previews)
    assert (known.sha256, known.width, known.height, known.mode, known.media_type, known.size_bytes) == (
        "ab",
        8,
        4,
        "L",
        "image/png",
        3,
    )
    assert (unknown.name, unknown.width) == ("tenants/t/images/cd", 0)


async def test_watching_what_is_not_there(servicer):
    with pytest.raises(NotFound):
        await watch(servicer, "tenants/t/jobs/none")
    with pytest.raises(InvalidInput):
        await watch(servicer, "none")
