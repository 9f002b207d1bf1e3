"""A job as the process that works on it sees it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

import structlog
from google.protobuf.message import Message

from synthoscope.jobs.job import Job, JobError, JobState, Progress
from synthoscope.jobs.outcomes import put_outcome
from synthoscope.jobs.specification import read_specification
from synthoscope.jobs.store import JobStore
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import (
    Cancelled,
    FailedPrecondition,
    NotFound,
    ResourceExhausted,
    SynthoscopeError,
    Unavailable,
)

log = structlog.get_logger()

M = TypeVar("M", bound=Message)
T = TypeVar("T")
# NotFound: the store was lost, and is about to be rebuilt.
_AWAY = (Unavailable, ResourceExhausted, NotFound)
_LONGEST_PAUSE = 5.0
_REMARKS = 4


class JobWorker:
    """One attempt of a job. As a context manager it shows every `beat_seconds` that it is alive.

    When the stores are away, progress and remarks are not reported, the job is taken not to be cancelled, and the work
    goes on; what must be written (that it runs, how it ended) is tried again for `patience` seconds. Once the job has
    moved on to another attempt, `cancelled` is true and everything else raises Cancelled. Safe for use from several
    threads.
    """

    def __init__(
        self,
        store: JobStore,
        objects: ObjectStore,
        name: str,
        attempt: int,
        *,
        beat_seconds: float = 3.0,
        report_seconds: float = 0.25,
        patience: float = 600.0,
    ) -> None:
        self.name = name
        self.attempt = attempt
        self._store = store
        self._objects = objects
        self._beat_seconds = beat_seconds
        self._report_seconds = report_seconds
        self._patience = patience
        self._lock = threading.Lock()
        self._pending: Progress | None = None
        self._previews: tuple[str, ...] = ()
        self._next_report = 0.0
        self._next_question = 0.0
        self._left = threading.Event()
        self._beating: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._beat()
        self._beating = threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True)
        self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left.set()
        if self._beating is not None:
            self._beating.join(timeout=10.0)

    def specification(self, message_type: type[M]) -> M:
        """The request that asked for the job. Raises NotFound, Unavailable, or DataLoss when it cannot be read."""
        return read_specification(self._objects, self.name).as_message(message_type)

    def queued(self, reason: str) -> None:
        """Says what a job that has not begun waits for."""
        self._surely(lambda job: replace(job, state_reason=reason) if job.state is JobState.QUEUED else job)

    def remark(self, text: str) -> None:
        """Says what was unusual on a running job's way; the last few remarks are the job's reason until it ends."""
        try:
            self._update(lambda job: _remarked(job, text) if job.state is JobState.RUNNING else job)
        except _AWAY as error:
            log.warning("job.remark_not_made", job=self.name, remark=text, reason=error.message)

    def running(self) -> None:
        """Says that the first real step begins. Raises Cancelled when the job is to stop."""
        job = self._surely(_running)
        if job.state is not JobState.RUNNING:
            raise Cancelled(f"{self.name} is {job.state}")

    def report(self, progress: Progress, previews: Sequence[str] = ()) -> None:
        """Says how far the job has come, at most every `report_seconds`; with pictures, by their names, at once.

        The first report of a job that is QUEUED makes it RUNNING.
        """
        with self._lock:
            self._pending, self._previews = progress, (*self._previews, *previews)
            if time.monotonic() < self._next_report and not previews:
                return
            pictures = self._previews
            try:
                self._update(lambda job: replace(_running(job), progress=progress), pictures)
            except _AWAY as error:
                log.warning("job.progress_not_reported", job=self.name, reason=error.message)
                self._next_report = time.monotonic() + _LONGEST_PAUSE
                return
            self._pending, self._previews = None, ()
            self._next_report = time.monotonic() + self._report_seconds

    def cancelled(self) -> bool:
        """Whether the job is to stop before its next step: cancelled, ended, or given to another attempt."""
        if time.monotonic() < self._next_question:
            return False
        try:
            job = self._store.get(self.name)
        except _AWAY as error:
            log.warning("job.state_unknown", job=self.name, reason=error.message)
            self._next_question = time.monotonic() + _LONGEST_PAUSE
            return False
        return job.state is JobState.CANCELLING or job.state.ended or job.attempt > self.attempt

    def succeed(self, result: str) -> None:
        """Ends the job; `result` names what it made, which is stored already."""
        self._end(JobState.SUCCEEDED, lambda job: replace(job, result=result))

    def fail(self, error: SynthoscopeError | JobError) -> None:
        """Ends the job with a reason that its owner can act on."""
        reason = error if isinstance(error, JobError) else JobError(error.status.name, error.message)
        self._end(JobState.FAILED, lambda job: replace(job, error=reason))

    def cancel_done(self) -> None:
        """Ends the job that its owner cancelled, once its work has stopped."""
        self._end(JobState.CANCELLED, lambda job: job)

    def _end(self, state: JobState, finish: Callable[[Job], Job]) -> None:
        with self._lock:
            progress, previews = self._pending, self._previews
            self._pending, self._previews = None, ()

        def change(job: Job) -> Job:
            if job.state is state:  # an answer got lost and this is the second try
                return job
            job = _running(job)
            if state is JobState.CANCELLED and job.state is not JobState.CANCELLING:
                job = job.to(JobState.CANCELLING, now=_now())
            return finish(replace(job.to(state, now=_now()), progress=progress or job.progress))

        ended = self._surely(change, previews)
        self._patiently(lambda: put_outcome(self._objects, ended))

    def _surely(self, change: Callable[[Job], Job], previews: Sequence[str] = ()) -> Job:
        return self._patiently(lambda: self._update(change, previews))

    def _update(self, change: Callable[[Job], Job], previews: Sequence[str] = ()) -> Job:
        try:
            return self._store.update(self.name, change, attempt=self.attempt, previews=previews)
        except FailedPrecondition as error:
            raise Cancelled(error.message) from error

    def _patiently(self, call: Callable[[], T]) -> T:
        give_up_at = time.monotonic() + self._patience
        pause = 0.1
        while True:
            try:
                return call()
            except _AWAY as error:
                if time.monotonic() + pause > give_up_at:
                    raise
                log.warning("job.store_away", job=self.name, reason=error.message, retry_in_seconds=pause)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _keep_beating(self) -> None:
        while not self._left.wait(self._beat_seconds):
            self._beat()

    def _beat(self) -> None:
        try:
            self._store.beat(self.name, self.attempt)
        except SynthoscopeError as error:
            log.warning("job.beat_failed", job=self.name, reason=error.message)


def _remarked(job: Job, text: str) -> Job:
    earlier = [remark for remark in job.state_reason.split("; ") if remark]
    return replace(job, state_reason="; ".join([*earlier, text][-_REMARKS:]))


def _running(job: Job) -> Job:
    """The job RUNNING if it was QUEUED, cancelling if it is; raises FailedPrecondition when it has ended."""
    if job.state is JobState.QUEUED:
        return job.to(JobState.RUNNING, now=_now())
    if job.state.ended:
        raise FailedPrecondition(f"{job.name} has ended: it is {job.state}")
    return job


def _now() -> datetime:
    return datetime.now(UTC)
