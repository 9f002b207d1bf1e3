"""Readiness: the health of a process follows what it depends on."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog
from prometheus_client import Gauge

from synthoscope.rpc.errors import SynthoscopeError
from synthoscope.rpc.health import HealthServicer

UP = Gauge("synthoscope_dependency_up", "Whether what the process needs answered when last asked.", ("dependency",))

_log = structlog.get_logger()


@dataclass(frozen=True)
class Dependency:
    """Something without which calls fail. `check` may block; it raises a SynthoscopeError when it is not there."""

    name: str
    check: Callable[[], object]


class Readiness:
    """Turns health NOT_SERVING once a dependency was away for `patience_seconds`, and SERVING when all are back.

    Each dependency is asked every `probe_seconds`, from a thread of its own and never twice at a time, so one that
    hangs costs one thread; having no answer after `probe_seconds` counts as being away.
    """

    def __init__(
        self,
        health: HealthServicer,
        dependencies: Sequence[Dependency],
        probe_seconds: float,
        patience_seconds: float,
    ) -> None:
        self._health = health
        self._dependencies = dependencies
        self._probe_seconds = probe_seconds
        self._patience_seconds = patience_seconds
        self._lost: set[str] = set()

    async def watch(self, stop: asyncio.Event) -> None:
        """Looks until `stop` is set."""
        await asyncio.gather(*(self._follow(dependency, stop) for dependency in self._dependencies))

    async def _follow(self, dependency: Dependency, stop: asyncio.Event) -> None:
        executor = ThreadPoolExecutor(1, "readiness")
        answer: asyncio.Future[str] | None = None
        away_since: float | None = None
        try:
            while not stop.is_set():
                asked = time.monotonic()
                if answer is None:
                    answer = asyncio.get_running_loop().run_in_executor(executor, _reason, dependency)
                await asyncio.wait({answer}, timeout=self._probe_seconds)
                reason = answer.result() if answer.done() else f"no answer within {self._probe_seconds:g} s"
                answer = None if answer.done() else answer
                away_since = None if not reason else asked if away_since is None else away_since
                self._tell(dependency.name, reason, 0.0 if away_since is None else time.monotonic() - away_since)
                await _pause(stop, asked + self._probe_seconds - time.monotonic())
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _tell(self, name: str, reason: str, away_seconds: float) -> None:
        UP.labels(name).set(not reason)
        if not reason and name in self._lost:
            self._lost.remove(name)
            _log.info("a dependency is back", dependency=name)
        elif reason and name not in self._lost and away_seconds >= self._patience_seconds:
            self._lost.add(name)
            _log.error("a dependency is away: not ready", dependency=name, reason=reason)
        else:
            return
        self._health.set_all(serving=not self._lost)


def _reason(dependency: Dependency) -> str:
    """Why a dependency is away; empty when it is there."""
    try:
        dependency.check()
    except SynthoscopeError as error:
        return error.message
    return ""


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), max(seconds, 0.0))
    except TimeoutError:
        return
