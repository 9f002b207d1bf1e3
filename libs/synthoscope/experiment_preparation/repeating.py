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


def ensure(start: Callable[[str], Job], step: str, *inputs: Input) -> Job:
    """The job of a step on these inputs: the one that runs or has succeeded, else a new one.

    `start` takes a request id and submits; an id whose job has failed or was cancelled is not used again. Raises what
    `start` raises.
    """
    digest = digest_of(*inputs)
    # Ends: a request id that nobody used before gives a new job, which is QUEUED.
    return next(
        job for attempt in count() if (job := start(f"experiment-{step}-{digest}-{attempt}")).state not in _LOST
    )


def digest_of(*inputs: Input) -> str:
    """32 hexadecimal digits that tell inputs apart, and are the same on every machine."""
    told = [json_format.MessageToDict(item) if isinstance(item, Message) else item for item in inputs]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
