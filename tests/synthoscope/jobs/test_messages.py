from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.jobs.job import Job, JobError, JobEvent, JobKind, JobState, Progress
from synthoscope.jobs.messages import event_message, job_message, job_of, kinds_of, states_of

times = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
counts = st.integers(0, 2**31)
figures = st.floats(allow_nan=False)
progress = st.builds(
    Progress,
    phase=st.text(),
    step=counts,
    total_steps=counts,
    images_per_second=figures,
    remaining_seconds=st.none() | st.integers(0, 10**6).map(lambda ms: ms / 1000),
    metrics=st.dictionaries(st.text(), figures, max_size=4),
)
jobs = st.builds(
    Job,
    name=st.just("tenants/t/jobs/j"),
    kind=st.sampled_from(JobKind),
    state=st.sampled_from(JobState),
    create_time=times,
    state_reason=st.text(),
    progress=progress,
    error=st.none() | st.builds(JobError, st.text(), st.text()),
    result=st.text(),
    request_id=st.text(),
    attempt=counts.filter(lambda number: number < 2**31),
    start_time=st.none() | times,
    end_time=st.none() | times,
)


@given(jobs)
def test_a_job_comes_back_from_its_message(job):
    assert job_of(jobs_pb2.Job.FromString(job_message(job).SerializeToString())) == job


def test_states_and_kinds_are_those_of_the_contract():
    assert {f"JOB_STATE_{state}" for state in JobState} == set(jobs_pb2.JobState.keys()) - {"JOB_STATE_UNSPECIFIED"}
    assert {f"JOB_KIND_{kind}" for kind in JobKind} == set(jobs_pb2.JobKind.keys()) - {"JOB_KIND_UNSPECIFIED"}


def test_filters():
    assert kinds_of(jobs_pb2.JOB_KIND_UNSPECIFIED) == ()
    assert kinds_of(jobs_pb2.JOB_KIND_STUDY) == (JobKind.STUDY,)
    assert states_of(jobs_pb2.JOB_STATE_UNSPECIFIED) == ()
    assert states_of(jobs_pb2.JOB_STATE_CANCELLING) == (JobState.CANCELLING,)
    with pytest.raises(ValueError, match="99"):
        kinds_of(99)


def test_an_event_has_its_pictures():
    job = Job("tenants/t/jobs/j", JobKind.STUDY, JobState.QUEUED, datetime(2026, 1, 1, tzinfo=UTC))
    message = event_message(JobEvent("1-0", job), [ImageRef(name="a")])
    assert (message.id, message.job.name, [picture.name for picture in message.previews]) == ("1-0", job.name, ["a"])
