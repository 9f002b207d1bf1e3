"""A job store, a work queue and a runner in memory, for tests."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from synthoscope import names
from synthoscope.jobs.job import Job, JobEvent, JobKind, JobState
from synthoscope.jobs.queue import WorkItem
from synthoscope.jobs.runner import RunnerStatus
from synthoscope.jobs.store import JobPage, check_attempt, check_event_id
from synthoscope.rpc.errors import InvalidInput, NotFound, ResourceExhausted, Unavailable


@dataclass
class _Kept:
    job: Job
    events: list[JobEvent] = field(default_factory=list)
    beats: dict[int, float] = field(default_factory=dict)


class InMemoryJobStore:
    """Jobs in a dictionary: lost with the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs: dict[str, _Kept] = {}
        self._changed = threading.Condition(threading.RLock())
        self._clock = clock

    def create(self, job: Job) -> bool:
        """Adds a job with its first event; returns whether it was new."""
        with self._changed:
            if job.name in self._jobs:
                return False
            self._jobs[job.name] = _Kept(job)
            self._add_event(job, ())
            return True

    def get(self, name: str) -> Job:
        """Raises NotFound."""
        with self._changed:
            return self._kept(name).job

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
        with self._changed:
            jobs = [kept.job for kept in self._jobs.values() if names.tenant_of(kept.job.name) == tenant]
        jobs.sort(key=lambda job: (job.create_time, job.name), reverse=True)
        if page_token:
            ids = [job.name.split("/")[-1] for job in jobs]
            if page_token not in ids:
                raise InvalidInput("page_token", "must be the next_page_token of the same listing's page before")
            jobs = jobs[ids.index(page_token) + 1 :]
        found = [job for job in jobs if (not kinds or job.kind in kinds) and (not states or job.state in states)]
        page = found[:page_size]
        return JobPage(page, page[-1].name.split("/")[-1] if len(found) > page_size else "")

    def active(self, kinds: Collection[JobKind]) -> Sequence[Job]:
        """The jobs of all tenants that have not ended, oldest first."""
        with self._changed:
            jobs = [kept.job for kept in self._jobs.values()]
        found = [job for job in jobs if job.kind in kinds and not job.state.ended]
        return sorted(found, key=lambda job: (job.create_time, job.name))

    def update(
        self, name: str, change: Callable[[Job], Job], *, attempt: int | None = None, previews: Sequence[str] = ()
    ) -> Job:
        """Replaces a job by `change(job)`, atomically, and adds an event; returns the new job."""
        with self._changed:
            kept = self._kept(name)
            check_attempt(kept.job, attempt)
            kept.job = change(kept.job)
            self._add_event(kept.job, previews)
            return kept.job

    def events(self, name: str, after: str = "", *, wait_seconds: float = 0.0) -> Sequence[JobEvent]:
        """The events kept after a position, oldest first; waits up to `wait_seconds` for one. Raises NotFound."""
        position = check_event_id(after)
        with self._changed:
            kept = self._kept(name)

            def later() -> Sequence[JobEvent]:
                return [event for event in kept.events if check_event_id(event.id) > position]

            self._changed.wait_for(lambda: bool(later()), timeout=wait_seconds)
            return later()

    def beat(self, name: str, attempt: int) -> None:
        """Records that the attempt's worker is alive now, by the store's own clock."""
        with self._changed:
            self._kept(name).beats[attempt] = self._clock()

    def seconds_since_beat(self, name: str, attempt: int) -> float | None:
        """Seconds since the attempt's last beat, by the store's own clock; None when there was none."""
        with self._changed:
            last = self._kept(name).beats.get(attempt)
            return None if last is None else self._clock() - last

    def _kept(self, name: str) -> _Kept:
        if name not in self._jobs:
            raise NotFound(f"{name} does not exist")
        return self._jobs[name]

    def _add_event(self, job: Job, previews: Sequence[str]) -> None:
        events = self._jobs[job.name].events
        events.append(JobEvent(f"{len(events) + 1}-0", job, tuple(previews)))
        self._changed.notify_all()


class InMemoryWorkQueue:
    """A work queue in memory: lost with the process."""

    def __init__(self, limit: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[WorkItem] = []
        self._claimed: dict[str, tuple[WorkItem, str, float]] = {}
        self._count = 0

    def put(self, payload: str) -> str:
        """Adds an item; returns its id. Raises ResourceExhausted when the queue is full."""
        with self._changed:
            if self.depth() >= self._limit:
                raise ResourceExhausted(f"the queue is full: {self._limit} items wait", retry_after=5.0)
            self._count += 1
            item = WorkItem(f"{self._count}-0", payload)
            self._waiting.append(item)
            self._changed.notify()
            return item.id

    def claim(self, worker: str, wait_seconds: float = 0.0) -> WorkItem | None:
        """The oldest item that nobody has, now this worker's; waits up to `wait_seconds` for one."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting), timeout=wait_seconds)
            if not self._waiting:
                return None
            return self._hand_over(self._waiting.pop(0), worker)

    def reclaim(self, worker: str, idle_seconds: float) -> WorkItem | None:
        """An item that another worker has had for `idle_seconds` without renewing, now this worker's."""
        with self._changed:
            for item, _, since in self._claimed.values():
                if self._clock() - since >= idle_seconds:
                    return self._hand_over(item, worker)
            return None

    def renew(self, item: WorkItem, worker: str) -> bool:
        """Says that the worker still works on the item; returns whether it is still this worker's."""
        with self._changed:
            if item.id not in self._claimed or self._claimed[item.id][1] != worker:
                return False
            self._claimed[item.id] = (item, worker, self._clock())
            return True

    def acknowledge(self, item: WorkItem) -> None:
        """Removes an item that is done; nothing happens when it was removed before."""
        with self._changed:
            self._claimed.pop(item.id, None)

    def depth(self) -> int:
        """Items not yet acknowledged, claimed ones included."""
        return len(self._waiting) + len(self._claimed)

    def _hand_over(self, item: WorkItem, worker: str) -> WorkItem:
        item = replace(item, deliveries=item.deliveries + 1)
        self._claimed[item.id] = (item, worker, self._clock())
        return item


class InMemoryRunner:
    """A runner whose processes are entries of a set: a test ends them by `die`, and sends the cluster `away`."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.alive: set[tuple[str, int]] = set()
        self.away = False

    def start(self, job: Job) -> None:
        """Starts the job's current attempt; nothing happens when it was started before."""
        self._reach()
        if (job.name, job.attempt) not in self.started:
            self.started.append((job.name, job.attempt))
            self.alive.add((job.name, job.attempt))

    def status(self, job: Job) -> RunnerStatus:
        """What has become of the job's current attempt."""
        self._reach()
        return RunnerStatus((job.name, job.attempt) in self.alive, "in memory")

    def stop(self, job: Job) -> None:
        """Ends the current attempt's process, if there is one."""
        self._reach()
        self.alive.discard((job.name, job.attempt))

    def die(self, name: str, attempt: int) -> None:
        """Ends a process as a crash would."""
        self.alive.discard((name, attempt))

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("the runner is away")
