"""Micro-batching at the edge: requests that arrive close together make one call to the model, or to the object store.

A call has a price whatever it carries, so it is shared. A batch leaves as soon as a call may start: while as many are
under way as may be, batches grow by themselves. With `max_wait` it waits for others also when nothing is under way.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from prometheus_client import Gauge, Histogram
from pydantic import BaseModel, ConfigDict, Field

from synthoscope.rpc.errors import ResourceExhausted

BATCH_SIZE = Histogram(
    "synthoscope_diagnosis_batch_size",
    "Images in one call to the model (predict) or to the object store (record).",
    ("stage",),
    buckets=(1, 2, 4, 8, 16, 24, 32, 64),
)
QUEUE_DEPTH = Gauge("synthoscope_diagnosis_queue_depth", "Images that wait for a call.", ("stage",))
CALL_SECONDS = Histogram(
    "synthoscope_diagnosis_call_seconds",
    "Time of one call, hop included.",
    ("stage",),
    buckets=(0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4, 8, 16, 32),
)

_SHORTEST_RETRY = 0.1
"""Seconds."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")


class BatchingSettings(BaseModel):
    """Bounds of the batches, per model version, and of the queue, over all of them; times are in seconds."""

    model_config = ConfigDict(frozen=True)

    max_batch: int = Field(default=32, ge=1, le=1024)
    max_wait: float = Field(default=0.0, ge=0, le=1)
    max_queue: int = Field(default=128, ge=1)
    """Items that have a place, but for those that calls can carry."""
    calls_in_flight: int = Field(default=2, ge=1)
    """Calls per model version and replica at the same time: with two, one batch travels while the other is computed."""


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[T, R]):
    item: T
    answer: "asyncio.Future[R]"
    arrived: float


@dataclass
class _Lane(Generic[T, R]):
    """What waits for one key's model, and the calls to it."""

    queue: deque[_Waiting[T, R]] = field(default_factory=deque)
    calls: set["asyncio.Task[None]"] = field(default_factory=set)
    timer: asyncio.TimerHandle | None = None


class MicroBatcher(Generic[K, T, R]):
    """Collects items by key and hands them to `run`, which answers in their order. For use in one event loop.

    An item whose caller has gone (cancelled, deadline passed) never enters a batch; a call whose callers have all gone
    is cancelled.
    """

    def __init__(
        self,
        stage: str,
        run: Callable[[K, Sequence[T]], Awaitable[Sequence[R | BaseException]]],
        settings: BatchingSettings,
        replicas: Callable[[], int] = lambda: 1,
    ) -> None:
        """`run` answers items in their order, one that failed alone by its error.

        `stage` is what the metrics call it; `replicas` says by how many calls are answered side by side."""
        self._replicas = replicas
        self._run = run
        self._batch_size, self._seconds = BATCH_SIZE.labels(stage), CALL_SECONDS.labels(stage)
        self._gauge = QUEUE_DEPTH.labels(stage)
        self._settings = settings
        self._lanes: dict[K, _Lane[T, R]] = {}
        self._depth = 0
        self._places_taken = 0
        self._call_seconds = 0.05

    @property
    def depth(self) -> int:
        """Items that wait for a call."""
        return self._depth

    def check_room(self) -> None:
        """Raises ResourceExhausted, saying when to try again, while all places are taken."""
        settings = self._settings
        carried = settings.calls_in_flight * settings.max_batch * self._replicas()
        if self._places_taken >= settings.max_queue + carried:
            seconds = self._places_taken / carried * self._call_seconds
            spread = random.uniform(0.5, 1.5)  # so that not all come back together
            raise ResourceExhausted(
                "as many images wait as can be answered soon; try again later",
                retry_after=max(_SHORTEST_RETRY, round(spread * seconds, 1)),
            )

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Takes a place inside the block: before costly work, so that it is not done for nothing. Raises as above."""
        self.check_room()
        with self.more_places(1):
            yield

    @contextlib.contextmanager
    def more_places(self, items: int) -> Iterator[None]:
        """Takes places inside the block, for somebody who has one and turns out to bring more than one item."""
        self._places_taken += items
        try:
            yield
        finally:
            self._places_taken -= items

    async def submit(self, key: K, item: T) -> R:
        """The answer to one item, which should have a place. Raises what `run` raised for its batch."""
        loop = asyncio.get_running_loop()
        lane = self._lanes.setdefault(key, _Lane())
        waiting: _Waiting[T, R] = _Waiting(item, loop.create_future(), loop.time())
        lane.queue.append(waiting)
        self._count(1)
        if len(lane.queue) >= self._settings.max_batch:
            self._send(key, lane)
        elif lane.timer is None:  # also without a wait: what arrives in the same turn of the loop goes together
            lane.timer = loop.call_later(self._settings.max_wait, self._on_timer, key, lane)
        try:
            return await waiting.answer
        finally:
            if waiting in lane.queue:
                lane.queue.remove(waiting)
                self._count(-1)

    def _send(self, key: K, lane: _Lane[T, R]) -> None:
        """Starts the calls that may start now; for the next one, sets the timer."""
        loop, settings = asyncio.get_running_loop(), self._settings
        while lane.queue and len(lane.calls) < settings.calls_in_flight * self._replicas():
            left = lane.queue[0].arrived + settings.max_wait - loop.time()
            if left > 0 and len(lane.queue) < settings.max_batch:
                if lane.timer is None:
                    lane.timer = loop.call_later(left, self._on_timer, key, lane)
                return
            if batch := self._take(lane):
                call = asyncio.create_task(self._call(key, batch))
                lane.calls.add(call)
                call.add_done_callback(lambda call: self._on_return(key, lane, call))
        if not lane.queue and not lane.calls and lane.timer is None:
            self._lanes.pop(key, None)

    def _on_timer(self, key: K, lane: _Lane[T, R]) -> None:
        lane.timer = None
        self._send(key, lane)

    def _on_return(self, key: K, lane: _Lane[T, R], call: "asyncio.Task[None]") -> None:
        lane.calls.discard(call)
        self._send(key, lane)

    def _take(self, lane: _Lane[T, R]) -> list[_Waiting[T, R]]:
        taken = [lane.queue.popleft() for _ in range(min(len(lane.queue), self._settings.max_batch))]
        self._count(-len(taken))
        return [waiting for waiting in taken if not waiting.answer.done()]

    async def _call(self, key: K, batch: Sequence[_Waiting[T, R]]) -> None:
        self._batch_size.observe(len(batch))
        started = asyncio.get_running_loop().time()
        call = asyncio.ensure_future(self._run(key, [waiting.item for waiting in batch]))

        def cancel_when_all_have_gone(_: "asyncio.Future[R]") -> None:
            if all(waiting.answer.cancelled() for waiting in batch):
                call.cancel()

        for waiting in batch:
            waiting.answer.add_done_callback(cancel_when_all_have_gone)
        await asyncio.wait({call})
        seconds = asyncio.get_running_loop().time() - started
        self._seconds.observe(seconds)
        self._call_seconds += 0.2 * (seconds - self._call_seconds)
        _hand_out(call, batch)

    def _count(self, change: int) -> None:
        self._depth += change
        self._gauge.set(self._depth)


def _hand_out(call: "asyncio.Future[Sequence[R | BaseException]]", batch: Sequence[_Waiting[T, R]]) -> None:
    """Gives every caller that still waits its answer, or its own or the batch's error."""
    error = None if call.cancelled() else call.exception()
    if error is None and not call.cancelled() and len(call.result()) != len(batch):
        error = RuntimeError(f"{len(batch)} images were asked, {len(call.result())} answered")
    for position, waiting in enumerate(batch):
        if waiting.answer.done():
            continue
        if call.cancelled():
            waiting.answer.cancel()
        elif error is not None:
            waiting.answer.set_exception(error)
        elif isinstance(answer := call.result()[position], BaseException):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)
