from datetime import UTC, datetime

import pytest

from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.outcomes import checkpoints_prefix, outcome, put_outcome
from synthoscope.objects import InMemoryObjectStore

NAME = "tenants/default/jobs/j"


def ended(state):
    now = datetime.now(UTC)
    return Job(NAME, JobKind.GAN_TRAINING, JobState.QUEUED, now).to(JobState.RUNNING, now=now).to(state, now=now)


def keys_after(job):
    objects = InMemoryObjectStore()
    prefix = checkpoints_prefix(NAME)
    for key in (
        f"{prefix}/step-1/tensors",
        f"{prefix}/step-1/manifest.json",
        f"{NAME}/other",
        f"{NAME}2/checkpoints/a",
    ):
        objects.put(key, b"x")
    deleted = []
    delete = objects.delete
    objects.delete = lambda key: (deleted.append(key), delete(key))
    put_outcome(objects, job)
    put_outcome(objects, job)
    assert outcome(objects, NAME) == job
    return {info.key for info in objects.list("")} - {f"{NAME}/outcome.json"}, deleted


def test_a_job_that_succeeded_loses_its_checkpoints_and_nothing_else():
    left, deleted = keys_after(ended(JobState.SUCCEEDED))
    assert left == {f"{NAME}/other", f"{NAME}2/checkpoints/a"}
    assert deleted == [f"{NAME}/checkpoints/step-1/manifest.json", f"{NAME}/checkpoints/step-1/tensors"]


@pytest.mark.parametrize(("state", "kept"), [(JobState.FAILED, 2), (JobState.CANCELLED, 0)])
def test_only_a_job_that_failed_keeps_its_checkpoints(state, kept):
    now = datetime.now(UTC)
    job = ended(JobState.FAILED) if state is JobState.FAILED else ended(JobState.CANCELLING).to(state, now=now)
    left, _ = keys_after(job)
    assert len(left) == 2 + kept
