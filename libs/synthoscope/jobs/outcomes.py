"""How jobs ended, in the object store: what the job store, which may be lost, is rebuilt from."""

from google.protobuf import json_format

from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.jobs.job import Job, JobState
from synthoscope.jobs.messages import job_message, job_of
from synthoscope.objects import ObjectStore
from synthoscope.records import MANIFEST
from synthoscope.rpc.errors import DataLoss, NotFound


def put_outcome(objects: ObjectStore, job: Job) -> None:
    """Stores a job that has ended, and removes its checkpoints: no attempt goes on from them any more.

    Those of a job that failed stay, so that a person can see, or save, what it had come to.
    """
    objects.put(_key(job.name), json_format.MessageToJson(job_message(job)).encode())
    if job.state is not JobState.FAILED:
        _remove(objects, checkpoints_prefix(job.name))


def checkpoints_prefix(name: str) -> str:
    """Where a job's checkpoints lie."""
    return f"{name}/checkpoints"


def outcome(objects: ObjectStore, name: str) -> Job | None:
    """The job as it ended; None when it has not. Raises DataLoss when the outcome cannot be read."""
    try:
        data = objects.get(_key(name))
    except NotFound:
        return None
    try:
        return job_of(json_format.Parse(data, jobs_pb2.Job(), ignore_unknown_fields=True))
    except (json_format.ParseError, ValueError) as error:
        raise DataLoss(f"the outcome of {name} cannot be read") from error


def _remove(objects: ObjectStore, prefix: str) -> None:
    """Removes what lies below a prefix, manifests first: what is seen meanwhile is whole."""
    keys = [info.key for info in objects.list(f"{prefix}/")]
    for key in sorted(keys, key=lambda key: not key.endswith(f"/{MANIFEST}")):
        objects.delete(key)


def _key(name: str) -> str:
    return f"{name}/outcome.json"
