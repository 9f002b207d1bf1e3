"""The audit trail: who did what, when, on which image by which model, in records that cannot be changed unseen.

Every process writes a chain of its own, `trail/{process}/{number}.json`: each link holds some entries and the SHA-256
of the link before. Whoever changes, removes or inserts an entry must rewrite all links after it; the process logs the
SHA-256 of its newest link now and then, so that a copy of its logs gives that away, too. Entries hold no patient data.
"""

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter, Gauge

from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import SynthoscopeError, Unavailable
from synthoscope.rpc.interceptors import Denial

PREFIX = "trail/"
FIRST = "0" * 64
"""Stands for the link before the first."""

_ENTRIES = 1000
"""Of one link, at most."""

_WAITING = 10_000
"""Entries that may wait to be stored. Those that nobody waits for are dropped beyond, and counted."""

_LOG_SECONDS = 60.0
_AGAIN_SECONDS = 1.0

STORED = Counter("synthoscope_trail_entries_total", "Entries of the audit trail that were stored.")
DROPPED = Counter("synthoscope_trail_dropped_total", "Denied calls that came too fast to be put on the audit trail.")
PENDING = Gauge("synthoscope_trail_pending", "Entries of the audit trail that wait to be stored.")

_log = structlog.get_logger()


@dataclass(frozen=True)
class Entry:
    """What is kept of one action. `outcome` is the name of a gRPC status; what does not apply is empty."""

    action: str
    outcome: str
    tenant: str = ""
    subject: str = ""
    image_sha256: str = ""
    model_version: str = ""
    model_sha256: str = ""
    resource: str = ""
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


class Trail:
    """One process's chain. For use in one event loop."""

    def __init__(self, objects: ObjectStore, process: str = "") -> None:
        self.process = process or f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        self._objects = objects
        self._waiting: list[tuple[Entry, asyncio.Future[None] | None]] = []
        self._storing: asyncio.Task[None] | None = None
        self._next, self._previous, self._told = 0, FIRST, time.monotonic()

    async def record(self, entry: Entry) -> None:
        """Returns when the entry is stored. Raises Unavailable when it cannot be."""
        stored = asyncio.get_running_loop().create_future()
        self._add(entry, stored)
        await stored

    def note(self, entry: Entry) -> None:
        """Has the entry stored soon, if not too many wait already."""
        if len(self._waiting) < _WAITING:
            self._add(entry, None)
        else:
            DROPPED.inc()

    def note_denial(self, denial: Denial) -> None:
        """Has it stored soon that a call was denied."""
        who, method = denial.caller, denial.method.rpartition("/")[2]
        self.note(Entry(method, denial.error.status.name, who.tenant if who else "", who.subject if who else ""))

    async def flush(self) -> None:
        """Stores what was noted, before the process ends."""
        self._begin()
        if self._storing is not None:
            await asyncio.wait({self._storing})
        if self._waiting:
            _log.error("entries of the audit trail are lost: the object store is away", entries=len(self._waiting))
        self._tell()

    def _add(self, entry: Entry, stored: "asyncio.Future[None] | None") -> None:
        self._waiting.append((entry, stored))
        PENDING.set(len(self._waiting))
        self._begin()

    def _begin(self) -> None:
        if self._waiting and (self._storing is None or self._storing.done()):
            self._storing = asyncio.ensure_future(self._store_all())

    async def _store_all(self) -> None:
        while self._waiting:
            if not await self._store():
                asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._begin)
                return
            if time.monotonic() - self._told > _LOG_SECONDS:
                self._tell()

    async def _store(self) -> bool:
        """Stores the oldest entries as one link, together: while it travels, the next ones gather."""
        taken = self._waiting[:_ENTRIES]
        link = _link(self.process, self._next, self._previous, [entry for entry, _ in taken])
        key = key_of(self.process, self._next)
        try:
            await asyncio.to_thread(self._objects.put, key, link)
        except SynthoscopeError as error:
            self._give_up(taken, error)
            return False
        self._next, self._previous = self._next + 1, hashlib.sha256(link).hexdigest()
        del self._waiting[: len(taken)]
        STORED.inc(len(taken))
        PENDING.set(len(self._waiting))
        for _, stored in taken:
            if stored is not None and not stored.done():
                stored.set_result(None)
        return True

    def _give_up(self, taken: Sequence[tuple[Entry, "asyncio.Future[None] | None"]], error: SynthoscopeError) -> None:
        """Tells those who wait. What nobody waits for stays, for the next time."""
        _log.warning("the audit trail cannot be stored", reason=error.message)
        self._waiting[: len(taken)] = [item for item in taken if item[1] is None]
        PENDING.set(len(self._waiting))
        for _, stored in taken:
            if stored is not None and not stored.done():
                stored.set_exception(Unavailable("the audit trail cannot be stored"))

    def _tell(self) -> None:
        self._told = time.monotonic()
        if self._next:
            _log.info(
                "the audit trail's newest link", process=self.process, number=self._next - 1, sha256=self._previous
            )


def key_of(process: str, number: int) -> str:
    """The key of a link."""
    return f"{PREFIX}{process}/{number:010d}.json"


def _link(process: str, number: int, previous: str, entries: Sequence[Entry]) -> bytes:
    body = {"process": process, "number": number, "previous": previous, "entries": [asdict(entry) for entry in entries]}
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()


def verify(objects: ObjectStore, heads: Mapping[str, tuple[int, str]] | None = None) -> Iterator[str]:
    """What is wrong with the trail, in words; nothing when every chain is whole.

    `heads` has the number and SHA-256 of links that were logged, by process: chains that were rewritten or cut do not
    have these.
    """
    wanted = dict(heads or {})
    process, number, previous = "", 0, FIRST
    for info in objects.list(PREFIX):
        name = info.key.removeprefix(PREFIX).partition("/")[0]
        if name != process:
            process, number, previous = name, 0, FIRST
        data = objects.get(info.key)
        problem = _problem(info.key, data, process, number, previous)
        if problem:
            yield problem
        number, previous = number + 1, hashlib.sha256(data).hexdigest()
        if wanted.get(process, (None, ""))[0] == number - 1 and wanted.pop(process)[1] != previous:
            yield f"{info.key} is not the link that was logged: the chain was rewritten"
    for name, (last, _) in wanted.items():
        yield f"{key_of(name, last)} was logged, and is not there"


def _problem(key: str, data: bytes, process: str, number: int, previous: str) -> str:
    if key != key_of(process, number):
        return f"{key_of(process, number)} is missing"
    try:
        link = json.loads(data)
    except ValueError:
        return f"{key} cannot be read"
    if not isinstance(link, dict) or (link.get("process"), link.get("number")) != (process, number):
        return f"{key} is another link"
    if link.get("previous") != previous:
        return f"{key} does not follow the link before, which was changed or removed"
    return ""


def entries(objects: ObjectStore, process: str = "") -> Iterator[Entry]:
    """All entries, or those of one process, in their order."""
    for info in objects.list(f"{PREFIX}{process}/" if process else PREFIX):
        yield from (Entry(**entry) for entry in json.loads(objects.get(info.key))["entries"])
