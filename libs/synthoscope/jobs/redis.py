"""The job store in Redis or Valkey. Changes are optimistic transactions: WATCH, read, MULTI, write, EXEC.

Keys: `synthoscope:{tenant}:job:{id}` the job as its contract message; `…:events` a stream of its changes;
`…:beat:{attempt}` the time of a worker's last sign of life; `synthoscope:{tenant}:jobs` the tenant's ids by time of
creation; `synthoscope:jobs:active` the names of all jobs that have not ended.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, cast

from redis.client import Pipeline
from redis.exceptions import WatchError

from synthoscope import names
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.jobs.connection import RedisSettings, connect, translated
from synthoscope.jobs.job import Job, JobEvent, JobKind, JobState
from synthoscope.jobs.messages import job_message, job_of
from synthoscope.jobs.store import JobPage, check_attempt, check_event_id
from synthoscope.rpc.errors import InvalidInput, NotFound, Unavailable

__all__ = ["RedisJobStore", "RedisSettings", "connect"]

_ACTIVE = "synthoscope:jobs:active"
_EVENTS_KEPT = 2000
_EVENTS_KEPT_SECONDS = 30 * 24 * 3600
_BEAT_KEPT_SECONDS = 24 * 3600
_TRIES = 50
_LONGEST_BLOCK_SECONDS = 1.0
_CHUNK = 200


class RedisJobStore:
    """Jobs in Redis. Raises Unavailable when it is away, ResourceExhausted when it is full."""

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        self._client = connect(settings)

    def create(self, job: Job) -> bool:
        """Adds a job with its first event; returns whether it was new."""
        key = _key(job.name)
        tenant, job_id = _ids(job.name)
        created = job.create_time.timestamp()

        def write(pipeline: Pipeline) -> bool:
            if pipeline.exists(key):
                return False
            pipeline.multi()
            self._write(pipeline, job, ())
            pipeline.zadd(_index(tenant), {job_id: created})
            if not job.state.ended:
                pipeline.zadd(_ACTIVE, {job.name: created})
            pipeline.execute()
            return True

        return bool(self._transaction(key, write))

    def get(self, name: str) -> Job:
        """Raises NotFound."""
        with translated(self._settings):
            data = self._client.get(_key(name))
        if data is None:
            raise NotFound(f"{name} does not exist")
        return _parse(cast(bytes, data))

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
        found: list[Job] = []
        with translated(self._settings):
            for job in self._newest_first(tenant, page_token):
                if (kinds and job.kind not in kinds) or (states and job.state not in states):
                    continue
                if len(found) == page_size:
                    return JobPage(found, _ids(found[-1].name)[1])
                found.append(job)
        return JobPage(found, "")

    def active(self, kinds: Collection[JobKind]) -> Sequence[Job]:
        """The jobs of all tenants that have not ended, oldest first."""
        with translated(self._settings):
            members = cast("list[bytes]", self._client.zrange(_ACTIVE, 0, -1))
            jobs = self._read([_key(member.decode()) for member in members])
        return [job for job in jobs if job.kind in kinds and not job.state.ended]

    def update(
        self, name: str, change: Callable[[Job], Job], *, attempt: int | None = None, previews: Sequence[str] = ()
    ) -> Job:
        """Replaces a job by `change(job)`, atomically, and adds an event; returns the new job."""
        key = _key(name)

        def write(pipeline: Pipeline) -> Job:
            data = pipeline.get(key)
            if data is None:
                raise NotFound(f"{name} does not exist")
            job = _parse(cast(bytes, data))
            check_attempt(job, attempt)
            job = change(job)
            pipeline.multi()
            self._write(pipeline, job, previews)
            if job.state.ended:
                pipeline.zrem(_ACTIVE, name)
                pipeline.expire(_events(name), _EVENTS_KEPT_SECONDS)
            pipeline.execute()
            return job

        return cast(Job, self._transaction(key, write))

    def events(self, name: str, after: str = "", *, wait_seconds: float = 0.0) -> Sequence[JobEvent]:
        """The events kept after a position, oldest first; waits up to `wait_seconds` for one. Raises NotFound."""
        check_event_id(after)
        deadline = time.monotonic() + wait_seconds
        stream, position = _events(name), after or "0-0"
        with translated(self._settings):
            if not self._client.exists(_key(name)):
                raise NotFound(f"{name} does not exist")
            while True:
                left = deadline - time.monotonic()
                block = max(1, round(1000 * min(left, _LONGEST_BLOCK_SECONDS))) if left > 0 else None
                answer = cast("list[Any]", self._client.xread({stream: position}, block=block))
                if answer:
                    return [_event(entry_id, fields) for entry_id, fields in answer[0][1]]
                if left <= 0:
                    return []

    def beat(self, name: str, attempt: int) -> None:
        """Records that the attempt's worker is alive now, by the store's own clock."""
        with translated(self._settings):
            self._client.set(_beat(name, attempt), str(self._now()), ex=_BEAT_KEPT_SECONDS)

    def seconds_since_beat(self, name: str, attempt: int) -> float | None:
        """Seconds since the attempt's last beat, by the store's own clock; None when there was none."""
        with translated(self._settings):
            last = self._client.get(_beat(name, attempt))
            return None if last is None else self._now() - float(cast(bytes, last))

    def _now(self) -> float:
        seconds, microseconds = self._client.time()
        return seconds + microseconds / 1e6

    def _newest_first(self, tenant: str, after: str) -> Iterator[Job]:
        index, start = _index(tenant), 0
        if after:
            rank = self._client.zrevrank(index, after)
            if rank is None:
                raise InvalidInput("page_token", "must be the next_page_token of the same listing's page before")
            start = cast(int, rank) + 1
        while members := cast("list[bytes]", self._client.zrevrange(index, start, start + _CHUNK - 1)):
            yield from self._read([_key(names.JOB.format(tenant=tenant, job=member.decode())) for member in members])
            start += _CHUNK

    def _read(self, keys: Sequence[str]) -> Sequence[Job]:
        if not keys:
            return []
        return [_parse(data) for data in cast("list[bytes | None]", self._client.mget(keys)) if data is not None]

    def _write(self, pipeline: Pipeline, job: Job, previews: Sequence[str]) -> None:
        data = job_message(job).SerializeToString()
        pipeline.set(_key(job.name), data)
        fields = {"job": data, "previews": "\n".join(previews)}
        pipeline.xadd(_events(job.name), cast("dict[Any, Any]", fields), maxlen=_EVENTS_KEPT, approximate=True)

    def _transaction(self, key: str, write: Callable[[Pipeline], Any]) -> Any:
        """Runs `write` until nobody else changed the key meanwhile."""
        with translated(self._settings):
            for _ in range(_TRIES):
                with self._client.pipeline() as pipeline:
                    pipeline.watch(key)  # type: ignore[no-untyped-call]
                    try:
                        return write(pipeline)
                    except WatchError:
                        time.sleep(random.uniform(0.001, 0.02))
        raise Unavailable("too many changed the same job at once; try again")


def _ids(name: str) -> tuple[str, str]:
    ids = names.JOB.parse(name)
    return ids["tenant"], ids["job"]


def _key(name: str) -> str:
    tenant, job_id = _ids(name)
    return f"synthoscope:{tenant}:job:{job_id}"


def _events(name: str) -> str:
    return f"{_key(name)}:events"


def _beat(name: str, attempt: int) -> str:
    return f"{_key(name)}:beat:{attempt}"


def _index(tenant: str) -> str:
    return f"synthoscope:{tenant}:jobs"


def _parse(data: bytes) -> Job:
    return job_of(jobs_pb2.Job.FromString(data))


def _event(entry_id: bytes, fields: dict[bytes, bytes]) -> JobEvent:
    previews = fields[b"previews"].decode()
    return JobEvent(entry_id.decode(), _parse(fields[b"job"]), tuple(previews.split("\n")) if previews else ())
