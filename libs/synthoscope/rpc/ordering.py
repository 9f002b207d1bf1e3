"""Requests of a stream that are worked on at the same time, and answered in their order."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def in_order(items: AsyncIterator[T], work: Callable[[T], Awaitable[R]], ahead: int) -> AsyncGenerator[R, None]:
    """The results of `work`, in the order of `items`; at most `ahead` are begun and not yet taken.

    No more is read than that, so a caller that takes slowly sends slowly. Raises what `items` or `work` raise; what is
    begun then is cancelled.
    """
    begun: asyncio.Queue[asyncio.Task[R] | None] = asyncio.Queue()
    places = asyncio.Semaphore(ahead)
    running: set[asyncio.Task[R]] = set()

    async def begin() -> None:
        try:
            await places.acquire()
            async for item in items:
                task = asyncio.ensure_future(_result(work, item))
                running.add(task)
                task.add_done_callback(running.discard)
                begun.put_nowait(task)
                await places.acquire()
        finally:
            begun.put_nowait(None)

    reader = asyncio.ensure_future(begin())
    try:
        while (task := await begun.get()) is not None:
            yield await task
            places.release()
        await reader
    finally:
        for waiting in (reader, *running):
            waiting.cancel()


async def _result(work: Callable[[T], Awaitable[R]], item: T) -> R:
    return await work(item)
