"""Jobs as messages of the contract (synthoscope.api.jobs.v1) and back."""

from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from synthoscope.api.images.v1 import images_pb2
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.jobs.job import Job, JobError, JobEvent, JobKind, JobState, Progress

_STATE = "JOB_STATE_"
_KIND = "JOB_KIND_"


def job_message(job: Job) -> jobs_pb2.Job:
    """A job as the contract has it."""
    return jobs_pb2.Job(
        name=job.name,
        kind=f"{_KIND}{job.kind}",
        state=f"{_STATE}{job.state}",
        state_reason=job.state_reason,
        progress=progress_message(job.progress),
        error=jobs_pb2.JobError(code=job.error.code, message=job.error.message) if job.error else None,
        result=job.result,
        request_id=job.request_id,
        attempt=job.attempt,
        create_time=_timestamp(job.create_time),
        start_time=_timestamp(job.start_time),
        end_time=_timestamp(job.end_time),
    )


def job_of(message: jobs_pb2.Job) -> Job:
    """The job of a message that `job_message` made."""
    return Job(
        name=message.name,
        kind=JobKind(jobs_pb2.JobKind.Name(message.kind).removeprefix(_KIND)),
        state=JobState(jobs_pb2.JobState.Name(message.state).removeprefix(_STATE)),
        create_time=message.create_time.ToDatetime(UTC),
        state_reason=message.state_reason,
        progress=progress_of(message.progress),
        error=JobError(message.error.code, message.error.message) if message.HasField("error") else None,
        result=message.result,
        request_id=message.request_id,
        attempt=message.attempt,
        start_time=message.start_time.ToDatetime(UTC) if message.HasField("start_time") else None,
        end_time=message.end_time.ToDatetime(UTC) if message.HasField("end_time") else None,
    )


def progress_message(progress: Progress) -> jobs_pb2.Progress:
    """Progress as the contract has it."""
    remaining = None
    if progress.remaining_seconds is not None:
        remaining = Duration()
        remaining.FromNanoseconds(round(progress.remaining_seconds * 1e9))
    return jobs_pb2.Progress(
        phase=progress.phase,
        step=progress.step,
        total_steps=progress.total_steps,
        images_per_second=progress.images_per_second,
        remaining=remaining,
        metrics=dict(progress.metrics),
    )


def progress_of(message: jobs_pb2.Progress) -> Progress:
    """The progress of a message that `progress_message` made."""
    return Progress(
        phase=message.phase,
        step=message.step,
        total_steps=message.total_steps,
        images_per_second=message.images_per_second,
        remaining_seconds=message.remaining.ToNanoseconds() / 1e9 if message.HasField("remaining") else None,
        metrics=dict(message.metrics),
    )


def event_message(event: JobEvent, previews: Sequence[images_pb2.ImageRef] = ()) -> jobs_pb2.JobEvent:
    """An event with the references of its pictures."""
    return jobs_pb2.JobEvent(id=event.id, job=job_message(event.job), previews=previews)


def kinds_of(kind: jobs_pb2.JobKind) -> tuple[JobKind, ...]:
    """A filter's kinds: none for UNSPECIFIED. Raises ValueError for a number that is no kind."""
    name = jobs_pb2.JobKind.Name(kind).removeprefix(_KIND)
    return () if name == "UNSPECIFIED" else (JobKind(name),)


def states_of(state: jobs_pb2.JobState) -> tuple[JobState, ...]:
    """A filter's states: none for UNSPECIFIED. Raises ValueError for a number that is no state."""
    name = jobs_pb2.JobState.Name(state).removeprefix(_STATE)
    return () if name == "UNSPECIFIED" else (JobState(name),)


def _timestamp(time: datetime | None) -> Timestamp | None:
    if time is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp
