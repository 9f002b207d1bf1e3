"""The work queue in Redis or Valkey: a stream with one consumer group."""

from typing import Any, cast

from redis.exceptions import ResponseError

from synthoscope.jobs.connection import RedisSettings, connect, translated
from synthoscope.jobs.queue import WorkItem
from synthoscope.rpc.errors import ResourceExhausted

_GROUP = "workers"
_LONGEST_BLOCK_SECONDS = 2.0


class RedisWorkQueue:
    """Work in the stream `synthoscope:queue:{name}`; holds at most about `limit` items."""

    def __init__(self, settings: RedisSettings, name: str, limit: int = 10_000) -> None:
        self._settings = settings
        self._client = connect(settings)
        self._stream = f"synthoscope:queue:{name}"
        self._limit = limit

    def put(self, payload: str) -> str:
        """Adds an item; returns its id. Raises ResourceExhausted when the queue is full."""
        with translated(self._settings):
            if self._client.xlen(self._stream) >= self._limit:
                raise ResourceExhausted(f"the queue is full: {self._limit} items wait", retry_after=5.0)
            return cast(bytes, self._client.xadd(self._stream, {"payload": payload})).decode()

    def claim(self, worker: str, wait_seconds: float = 0.0) -> WorkItem | None:
        """The oldest item that nobody has, now this worker's; waits up to `wait_seconds`, 2 s at most, for one."""
        block = round(1000 * min(wait_seconds, _LONGEST_BLOCK_SECONDS))
        answer = self._with_group(
            lambda: self._client.xreadgroup(_GROUP, worker, {self._stream: ">"}, count=1, block=block or None)
        )
        return _item(answer[0][1][0], deliveries=1) if answer else None

    def reclaim(self, worker: str, idle_seconds: float) -> WorkItem | None:
        """An item that another worker has had for `idle_seconds` without renewing, now this worker's."""
        idle = round(1000 * idle_seconds)
        answer = self._with_group(lambda: self._client.xautoclaim(self._stream, _GROUP, worker, idle, "0-0", count=1))
        entries = answer[1] if answer else []
        if not entries:
            return None
        with translated(self._settings):
            entry_id = entries[0][0]
            pending = cast(Any, self._client.xpending_range(self._stream, _GROUP, entry_id, entry_id, 1))
        return _item(entries[0], deliveries=pending[0]["times_delivered"] if pending else 1)

    def renew(self, item: WorkItem, worker: str) -> bool:
        """Says that the worker still works on the item; returns whether it is still this worker's."""
        with translated(self._settings):
            mine = cast(Any, self._client.xpending_range(self._stream, _GROUP, item.id, item.id, 1, worker))
            if not mine:
                return False
            # Naming the count keeps it: a plain XCLAIM would count as one more delivery.
            self._client.xclaim(
                self._stream, _GROUP, worker, 0, [item.id], retrycount=mine[0]["times_delivered"], justid=True
            )
            return True

    def acknowledge(self, item: WorkItem) -> None:
        """Removes an item that is done; nothing happens when it was removed before."""
        with translated(self._settings), self._client.pipeline() as pipeline:
            pipeline.xack(self._stream, _GROUP, item.id)
            pipeline.xdel(self._stream, item.id)
            pipeline.execute()

    def depth(self) -> int:
        """Items not yet acknowledged, claimed ones included."""
        with translated(self._settings):
            return self._client.xlen(self._stream)

    def _with_group(self, read: Any) -> Any:
        """Reads; makes the group first where the stream is new, or Redis has lost it."""
        with translated(self._settings):
            try:
                return read()
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
            try:
                self._client.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
            return read()


def _item(entry: tuple[bytes, dict[bytes, bytes]], deliveries: int) -> WorkItem:
    return WorkItem(entry[0].decode(), entry[1][b"payload"].decode(), deliveries)
