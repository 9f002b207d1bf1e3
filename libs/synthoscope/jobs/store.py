"""Where the state of jobs lives."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from synthoscope.jobs.job import Job, JobEvent, JobKind, JobState
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, Unavailable

_EVENT_ID = re.compile(r"(\d{1,19})-(\d{1,19})")


@dataclass(frozen=True)
class JobPage:
    """One page of a listing; an empty token ends it."""

    jobs: Sequence[Job]
    next_page_token: str


class JobStore(Protocol):
    """Job states and their events. Safe for use from several threads; every method raises Unavailable when it is away.

    It can be lost: `jobs.submission` rebuilds it from the specifications and outcomes in the object store.
    """

    def create(self, job: Job) -> bool:
        """Adds a job with its first event; returns whether it was new. An existing one is left as it is."""

    def get(self, name: str) -> Job:
        """Raises NotFound."""

    def list(
        self,
        tenant: str,
        *,
        kinds: Collection[JobKind] = (),
        states: Collection[JobState] = (),
        page_size: int = 100,
        page_token: str = "",
    ) -> JobPage:
        """A tenant's jobs, newest first; an empty filter matches all. Raises InvalidInput for a token it never gave."""

    def active(self, kinds: Collection[JobKind]) -> Sequence[Job]:
        """The jobs of all tenants that have not ended, oldest first."""

    def update(
        self, name: str, change: Callable[[Job], Job], *, attempt: int | None = None, previews: Sequence[str] = ()
    ) -> Job:
        """Replaces a job by `change(job)`, atomically, and adds an event; returns the new job.

        With `attempt`, raises FailedPrecondition when the job has moved on to a later attempt: a worker that was given
        up cannot write any more (fencing); and Unavailable when the store was lost, and does not know of it yet.
        `change` may raise to leave the job as it is, and may be called several times.
        """

    def events(self, name: str, after: str = "", *, wait_seconds: float = 0.0) -> Sequence[JobEvent]:
        """The events kept after a position, oldest first; waits up to `wait_seconds` for one. Raises NotFound."""

    def beat(self, name: str, attempt: int) -> None:
        """Records that the attempt's worker is alive now, by the store's own clock."""

    def seconds_since_beat(self, name: str, attempt: int) -> float | None:
        """Seconds since the attempt's last beat, by the store's own clock; None when there was none."""


def check_attempt(job: Job, attempt: int | None) -> None:
    """Raises FailedPrecondition when a worker of an earlier attempt than the job's current one wants to write.

    Raises Unavailable for a later attempt: the store was lost and rebuilt, and will come to know of it.
    """
    if attempt is None:
        return
    if attempt < job.attempt:
        raise FailedPrecondition(f"{job.name} has moved on from attempt {attempt} to attempt {job.attempt}")
    if attempt > job.attempt:
        raise Unavailable(f"the job store does not know of attempt {attempt} of {job.name} yet")


def check_event_id(after: str) -> tuple[int, int]:
    """An event's position as numbers that sort like events; (0, 0) for empty. Raises InvalidInput."""
    if not after:
        return (0, 0)
    match = _EVENT_ID.fullmatch(after)
    if match is None:
        raise InvalidInput("after", "must be the id of an event of the same job")
    return (int(match[1]), int(match[2]))
