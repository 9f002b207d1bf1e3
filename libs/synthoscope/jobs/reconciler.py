"""Brings what is and what should be together: starts jobs in their turn, and sees to those whose worker is gone.

It keeps nothing that matters: a service that is restarted finds its jobs in the store and their processes at the
runner, and goes on. Two reconcilers of the same kinds do no harm, because starting an attempt twice starts it once.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from synthoscope.jobs.job import Job, JobError, JobKind, JobState
from synthoscope.jobs.runner import Runner
from synthoscope.jobs.store import JobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.rpc.errors import FailedPrecondition, SynthoscopeError

log = structlog.get_logger()


@dataclass(frozen=True)
class Limits:
    """How long the reconciler waits for what, in seconds, and how often a job is tried."""

    poll_seconds: float = 0.5
    status_seconds: float = 2.0
    """Between two questions to the runner about the same attempt."""
    silence_seconds: float = 30.0
    """Without a beat for so long, a worker is given up."""
    start_seconds: float = 120.0
    """A process that has not given its first beat by then is given up."""
    cancel_seconds: float = 15.0
    """A worker that has not stopped by then is stopped."""
    queue_seconds: float = 24 * 3600.0
    """A job that has not begun by then fails."""
    longest_pause: float = 10.0
    attempts: int = 3


@dataclass
class _Watch:
    """What is remembered of one attempt, by the reconciler's own clock."""

    since: float
    started: bool = False
    next_status: float = 0.0
    cancelling_since: float | None = None


class Reconciler:
    """Starts and looks after the jobs of some kinds; `max_running` of them have a worker at a time, in their order."""

    def __init__(
        self,
        jobs: Jobs,
        store: JobStore,
        runner: Runner,
        kinds: Collection[JobKind],
        max_running: int,
        *,
        limits: Limits = Limits(),  # frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._runner = runner
        self._kinds = frozenset(kinds)
        self._max_running = max_running
        self._limits = limits
        self._clock = clock
        self._watched: dict[tuple[str, int], _Watch] = {}
        self._rebuilt = False
        self._trust_silence_from = clock() + limits.silence_seconds
        self._last_step: tuple[float, float] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set. When a store is away, waits and goes on."""
        failures = 0
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.step)
                failures = 0
            except Exception as error:  # a process boundary: whatever happens, the jobs go on being looked after
                failures += 1
                self.distrust()
                reason = error.message if isinstance(error, SynthoscopeError) else repr(error)
                log.warning("reconciler.failed", failures=failures, reason=reason)
            pause = min(self._limits.poll_seconds * 2 ** min(failures, 10), self._limits.longest_pause)
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    def distrust(self) -> None:
        """After an outage: rebuilds the store before the next step, and gives workers time to be heard again."""
        self._rebuilt = False
        self._trust_silence_from = self._clock() + self._limits.silence_seconds

    def step(self) -> None:
        """Looks at every job once. Raises what the job store raises."""
        self._notice_gaps()
        if not self._rebuilt:
            self._jobs.rebuild()
            self._rebuilt = True
        active = self._store.active(self._kinds)
        self._forget_others(active)
        with_worker = [job for job in active if job.attempt > 0 or job.state is not JobState.QUEUED]
        for job in with_worker:
            self._safely(self._look_after, job)
        free = self._max_running - len(with_worker)
        waiting = [job for job in active if job.attempt == 0 and job.state is JobState.QUEUED]
        for place, job in enumerate(waiting):
            if self._queued_too_long(job):
                self._safely(self._fail_queued, job)
            elif place < free:
                self._safely(self._start, job)
            else:
                self._say(job, f"waits for {len(with_worker) + place} before it; {self._max_running} run at a time")

    def _start(self, job: Job) -> None:
        def first(current: Job) -> Job:
            if current.state is not JobState.QUEUED or current.attempt != 0:
                raise FailedPrecondition(f"{job.name} has been taken")
            return replace(current, attempt=1, state_reason="waits for its process")

        self._look_after(self._store.update(job.name, first))

    def _look_after(self, job: Job) -> None:
        watch = self._watched.setdefault((job.name, job.attempt), _Watch(self._clock()))
        if job.state is JobState.CANCELLING:
            self._see_cancelled(job, watch)
        elif self._queued_too_long(job):
            self._runner.stop(job)
            self._fail_queued(job)
        elif not watch.started:
            # Also after a restart of this service: for an attempt that was started before, nothing happens.
            self._runner.start(job)
            watch.started = True
        elif lost := self._why_lost(job, watch):
            self._runner.stop(job)
            self._give_up(job, lost)

    def _see_cancelled(self, job: Job, watch: _Watch) -> None:
        if watch.cancelling_since is None:
            watch.cancelling_since = self._clock()
        alive = self._runner.status(job).alive
        if alive and self._clock() - watch.cancelling_since < self._limits.cancel_seconds:
            return
        if alive:
            self._runner.stop(job)
        reason = "cancelled by its owner; its worker did not answer and was stopped" if alive else job.state_reason
        self._end(job, JobState.CANCELLED, reason)

    def _why_lost(self, job: Job, watch: _Watch) -> str:
        """Why an attempt counts as lost; empty when it does not."""
        limits, now = self._limits, self._clock()
        silent = self._store.seconds_since_beat(job.name, job.attempt)
        if silent is None and now - watch.since > limits.start_seconds:
            return f"its process did not begin within {limits.start_seconds:g} s"
        if silent is not None and silent > limits.silence_seconds and now > self._trust_silence_from:
            return f"its worker gave no sign of life for {silent:.0f} s"
        if now < watch.next_status:
            return ""
        watch.next_status = now + limits.status_seconds
        status = self._runner.status(job)
        return "" if status.alive else f"its process ended ({status.message})"

    def _give_up(self, job: Job, reason: str) -> None:
        """Takes the attempt from its worker; the job gets another one, or fails."""
        last = job.attempt >= self._limits.attempts

        def change(current: Job) -> Job:
            if current.state.ended or current.state is JobState.CANCELLING:
                raise FailedPrecondition(f"{job.name} is {current.state} by now")
            if last:
                error = JobError("UNAVAILABLE", f"its worker was lost {job.attempt} times; at last {reason}")
                return replace(current.to(JobState.FAILED, reason=reason, now=_now()), error=error)
            if current.state is JobState.RUNNING:
                current = current.to(JobState.QUEUED, now=_now())
            return replace(current, attempt=job.attempt + 1, state_reason=f"starts again: {reason}")

        changed = self._store.update(job.name, change, attempt=job.attempt)
        log.warning("job.attempt_lost", job=job.name, attempt=job.attempt, reason=reason, state=str(changed.state))
        if changed.state.ended:
            self._jobs.keep_outcome(changed)

    def _fail_queued(self, job: Job) -> None:
        hours = self._limits.queue_seconds / 3600
        reason = f"it did not begin within {hours:g} h: {job.state_reason}"
        self._end(job, JobState.FAILED, reason, JobError("DEADLINE_EXCEEDED", reason))

    def _end(self, job: Job, state: JobState, reason: str, error: JobError | None = None) -> None:
        def change(current: Job) -> Job:
            if current.state is not job.state:
                raise FailedPrecondition(f"{job.name} is {current.state} by now")
            return replace(current.to(state, reason=reason, now=_now()), error=error)

        self._jobs.keep_outcome(self._store.update(job.name, change, attempt=job.attempt))

    def _queued_too_long(self, job: Job) -> bool:
        if job.state is not JobState.QUEUED:
            return False
        watch = self._watched.get((job.name, job.attempt))
        waited = self._clock() - watch.since if watch else 0.0
        if job.start_time is None:
            waited = max(waited, (_now() - job.create_time).total_seconds())
        return waited > self._limits.queue_seconds

    def _say(self, job: Job, reason: str) -> None:
        if job.state_reason != reason:
            self._store.update(
                job.name, lambda now: replace(now, state_reason=reason) if now.state is JobState.QUEUED else now
            )

    def _safely(self, action: Callable[[Job], None], job: Job) -> None:
        """One job's trouble (a runner that is away, a change that came between) does not hold up the others."""
        try:
            action(job)
        except FailedPrecondition as error:
            log.info("reconciler.overtaken", job=job.name, reason=error.message)
        except SynthoscopeError as error:
            log.warning("reconciler.job_failed", job=job.name, reason=error.message)

    def _forget_others(self, active: Collection[Job]) -> None:
        current = {(job.name, job.attempt) for job in active}
        self._watched = {key: watch for key, watch in self._watched.items() if key in current}

    def _notice_gaps(self) -> None:
        """After a pause of this process, or a jump of the clock, silence proves nothing for a while."""
        clocks = (self._clock(), time.time())
        if self._last_step is not None:
            gap = max(abs(now - before) for now, before in zip(clocks, self._last_step, strict=True))
            if gap > self._limits.silence_seconds / 2:
                self._trust_silence_from = self._clock() + self._limits.silence_seconds
        self._last_step = clocks


def _now() -> datetime:
    return datetime.now(UTC)
