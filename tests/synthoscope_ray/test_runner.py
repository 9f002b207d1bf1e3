"""Jobs on a real Ray: they end, are resumed when their process is killed, and stop when they are cancelled."""

import os
import signal
import threading
import time
import uuid

import pytest

from synthoscope.api.jobs.v1.jobs_service_pb2 import ListJobsRequest
from synthoscope.jobs.job import JobKind, JobState
from synthoscope.rpc.errors import PermissionDenied, Unavailable
from synthoscope_ray.runner import RayJobRunner, submission_id
from synthoscope_ray.settings import RaySettings

pytestmark = pytest.mark.stack


@pytest.fixture
def runner(ray_settings, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
    return RayJobRunner(ray_settings, "counting_job")


def wait_for(jobs, name, condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not condition(job := jobs.store.get(name)):
        assert time.monotonic() < deadline, job
        assert not job.state.ended or condition(job), job
        time.sleep(0.02)
    return job


def counting(job):
    return job.progress.step >= 5


def ended(job):
    return job.state.ended


def test_a_job_succeeds(jobs, submit):
    name = submit()
    job = wait_for(jobs, name, ended)
    assert (job.state, job.result, job.attempt) == (JobState.SUCCEEDED, f"{name}/result", 1)
    assert job.progress.step == 100
    deadline = time.monotonic() + 60
    while (outcome := jobs.outcome(name)) is None and time.monotonic() < deadline:
        time.sleep(0.02)  # it is stored after the state has changed
    assert outcome == job


def test_a_killed_process_is_resumed_where_it_was(jobs, submit):
    name = submit()
    first = wait_for(jobs, name, counting)
    os.kill(int(first.progress.metrics["pid"]), signal.SIGKILL)
    job = wait_for(jobs, name, ended)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)
    assert job.progress.metrics["begun_at"] >= 5
    assert job.start_time == first.start_time


def test_a_cancelled_job_stops_within_a_step(jobs, submit):
    name = submit()
    pid = int(wait_for(jobs, name, counting).progress.metrics["pid"])
    begun = time.monotonic()
    assert jobs.cancel(name).state is JobState.CANCELLING
    job = wait_for(jobs, name, ended)
    assert time.monotonic() - begun < 4
    assert job.state is JobState.CANCELLED
    assert job.progress.step < 100
    deadline = time.monotonic() + 30
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ("fail", "FAILED_PRECONDITION", "asked to fail"),
        ("break", "INTERNAL", "under the id"),
        ("memory", "RESOURCE_EXHAUSTED", "memory"),
    ],
)
def test_a_failed_job_says_what_its_owner_may_know(jobs, submit, how, code, message):
    job = wait_for(jobs, submit(how), ended)
    assert (job.state, job.error.code, job.attempt) == (JobState.FAILED, code, 1)
    assert message in job.error.message
    assert "patient" not in job.error.message


def test_starting_twice_is_starting_once(jobs, runner):
    job = jobs.submit(f"t{uuid.uuid4().hex}", JobKind.SYNTHESIS, ListJobsRequest(page_token="fail"))
    assert not runner.status(job).alive
    runner.stop(job)
    threads = [threading.Thread(target=runner.start, args=(job,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runner.start(job)
    deadline = time.monotonic() + 60
    while runner.status(job).alive:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert runner.status(job).message == "FAILED: Job entrypoint command failed with exit code 1"  # and none of its log
    runner.start(job)
    assert not runner.status(job).alive
    assert submission_id(job) == f"{job.name.split('/')[-1]}-0"


def test_a_wrong_token_is_told(jobs, ray_settings, monkeypatch):
    job = jobs.submit(f"t{uuid.uuid4().hex}", JobKind.SYNTHESIS, ListJobsRequest())
    for token in ("", "f" * 64):
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
        with pytest.raises(PermissionDenied, match="token"):
            RayJobRunner(ray_settings, "counting_job").start(job)


def test_ray_that_is_away_is_unavailable(jobs):
    job = jobs.submit(f"t{uuid.uuid4().hex}", JobKind.SYNTHESIS, ListJobsRequest())
    with pytest.raises(Unavailable, match="cannot be reached"):
        RayJobRunner(RaySettings(dashboard_url="http://127.0.0.1:1"), "counting_job").status(job)
