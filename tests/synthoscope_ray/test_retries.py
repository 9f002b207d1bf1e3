"""Work that lacks memory or is killed each time: after the tries that the settings allow the job says why it failed."""

import subprocess
import sys

import pytest
from jobs_on_ray import ended, wait
from servers import make_bucket

from synthoscope.api.jobs.v1.jobs_service_pb2 import ListJobsRequest
from synthoscope.jobs.job import JobKind, JobState
from synthoscope_ray.runner import RayJobRunner

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

TRIES = 2
"""The first one, and as many again as conftest.py sets."""


@pytest.fixture
def runner(ray_settings, object_store_settings, monkeypatch):
    make_bucket(object_store_settings.other_bucket(ray_settings.storage_bucket))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
    return RayJobRunner(ray_settings, "failing_job")


def tries(jobs, name):
    return len(list(jobs.objects.list(f"{name}/tries/")))


@pytest.mark.parametrize(
    ("how", "kind", "code", "message"),
    [
        ("training lack_memory", JobKind.GAN_TRAINING, "RESOURCE_EXHAUSTED", "config.width smaller, or give"),
        ("task lack_memory", JobKind.STUDY, "RESOURCE_EXHAUSTED", "more memory than there is: give its workers more"),
        ("task lack_memory_as_torch_does", JobKind.STUDY, "RESOURCE_EXHAUSTED", "It was tried 2 times"),
        ("task die", JobKind.STUDY, "UNAVAILABLE", "lost 2 times"),
    ],
)
def test_what_fails_each_time_ends_the_job(jobs, submit, how, kind, code, message):
    name = submit(how, kind)
    job = wait(jobs, name, ended)
    assert (job.state, job.error.code, job.attempt) == (JobState.FAILED, code, 1)
    assert message in job.error.message
    assert tries(jobs, name) == TRIES


def test_a_task_on_a_node_whose_memory_is_full_is_not_tried_for_ever(jobs, job_environment):
    """Ray's memory monitor takes a hundredth of the memory for all of it, and kills the task as soon as it runs."""
    job = jobs.submit("full", JobKind.STUDY, ListJobsRequest(page_token="alone wait_to_be_killed"))
    command = [sys.executable, "-m", "failing_job", job.name, str(job.attempt)]
    environment = {**job_environment, "RAY_memory_usage_threshold": "0.01"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    job = jobs.store.get(job.name)
    assert (job.state, job.error and job.error.code) == (JobState.FAILED, "RESOURCE_EXHAUSTED"), done
    assert "It was tried 2 times" in job.error.message
    assert tries(jobs, job.name) <= TRIES
