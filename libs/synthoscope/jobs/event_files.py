"""Where a training's TensorBoard event files lie in the object store."""

from collections.abc import Iterator
from dataclasses import dataclass

from synthoscope.objects import ObjectStore


@dataclass(frozen=True)
class EventFile:
    """One of a job's event files, as TensorBoard reads it."""

    name: str
    data: bytes


def event_file_key(job: str, step: int) -> str:
    """The key of the file whose last event is of a step. In their names' order TensorBoard reads files in time's."""
    return f"{_folder(job)}events.out.tfevents.{step:010d}"


def event_files(objects: ObjectStore, job: str) -> Iterator[EventFile]:
    """A job's event files, in their order; none where it stored none."""
    for info in objects.list(_folder(job)):
        yield EventFile(info.key.rpartition("/")[2], objects.get(info.key))


def _folder(job: str) -> str:
    return f"{job}/events/"
