"""Rows: what came of one server under several loads."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict

import grpc

from benchmarks.serving.load import Ask, Measured, Overloaded, closed_loop, overload

Row = dict[str, object]
Opened = Callable[[], AbstractAsyncContextManager[Ask]]

CALLERS = (1, 8, 32, 128)

_OVERLOADED = 10.0
"""Seconds at least: in the first two, those who came first wait behind one another, and nobody is answered."""


def measured(named: Row, opened: Opened, seconds: float, callers: Sequence[int] = CALLERS) -> list[Row]:
    """One row for each number of callers. `named` says of which server and model they are."""

    async def measure() -> list[Measured]:
        async with opened() as ask:
            await closed_loop(ask, 4, 1.0)
            return [await closed_loop(ask, number, seconds) for number in callers]

    return shown([{**named, **asdict(row)} for row in asyncio.run(measure())])


def overloaded(named: Row, opened: Opened, most: float, seconds: float) -> list[Row]:
    """A row of what comes of five times as many requests a second as are answered at most."""

    def refused(error: BaseException) -> bool:
        return isinstance(error, grpc.RpcError) and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    async def measure() -> Overloaded:
        async with opened() as ask:
            return await overload(ask, refused, most, max(seconds, _OVERLOADED))

    return shown([{**named, **asdict(asyncio.run(measure()))}])


def shown(rows: list[Row]) -> list[Row]:
    """The rows, printed."""
    for row in rows:
        print(row, flush=True)
    return rows
