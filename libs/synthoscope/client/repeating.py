"""Jobs that are found again when the same is asked for again."""

import hashlib
import json
from collections.abc import Callable
from itertools import count

from google.protobuf import json_format
from google.protobuf.message import Message

from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobState

_LOST = (JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED)

Input = str | int | bool | Message


def ensure(
    start: Callable[[str], Job], step: str, *inputs: Input, is_whole: Callable[[Job], bool] = lambda job: True
) -> Job:
    """The job of a step on these inputs: the one that runs or has succeeded, else a new one.

    `start` takes a request id and submits; an id whose job has failed or was cancelled is not used again, nor one whose
    job has succeeded without being `is_whole`. Raises what these two raise.
    """
    digest = digest_of(*inputs)
    # Ends: a request id that nobody used before gives a new job, which is QUEUED.
    jobs = (start(f"{step}-{digest}-{attempt}") for attempt in count())
    return next(
        job for job in jobs if job.state not in _LOST and (job.state != JobState.JOB_STATE_SUCCEEDED or is_whole(job))
    )


def digest_of(*inputs: Input) -> str:
    """32 hexadecimal digits that tell inputs apart, and are the same on every machine."""
    told = [json_format.MessageToDict(item) if isinstance(item, Message) else item for item in inputs]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
