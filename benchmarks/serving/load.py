"""A closed loop: so many callers, each of whom asks again as soon as it is answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

Ask = Callable[[int], Awaitable[object]]
"""Sends one request, its number given; raises when it is not answered."""


@dataclass(frozen=True)
class Measured:
    """Requests answered in a second, and how long they took, in milliseconds."""

    in_flight: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


async def closed_loop(ask: Ask, in_flight: int, seconds: float, warm_up: float = 1.0) -> Measured:
    """Asks for a while, after a shorter while that does not count."""
    began = time.perf_counter()
    counted_from, until = began + warm_up, began + warm_up + seconds
    took: list[float] = []
    errors = 0

    async def caller(first: int) -> None:
        nonlocal errors
        number = first
        while (sent := time.perf_counter()) < until:
            number += in_flight
            try:
                await ask(number)
            except Exception:  # whatever a peer raises is an answer that did not come
                errors += 1
                await asyncio.sleep(0.05)
                continue
            ended = time.perf_counter()
            if counted_from <= ended <= until:
                took.append(ended - sent)

    await asyncio.gather(*(caller(first) for first in range(in_flight)))
    if not took:
        return Measured(in_flight, 0.0, float("nan"), float("nan"), errors)
    p50, p99 = np.percentile(took, [50, 99]) * 1000
    return Measured(in_flight, round(len(took) / seconds, 1), round(float(p50), 2), round(float(p99), 2), errors)
