"""A closed loop, so many callers, each of whom asks again as soon as it is answered; and too many, who do not wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

_LONGEST_RECOVERY = 30.0

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


@dataclass(frozen=True)
class Overloaded:
    """What came of sending so many requests a second, whatever comes back; times are in milliseconds.

    `recovered_seconds` is how long after it half of what can be answered was answered without a refusal for a second.
    """

    sent_per_second: float
    answered_per_second: float
    refused_per_second: float
    refused_p50_ms: float
    refused_p99_ms: float
    errors: int
    recovered_seconds: float


async def overload(ask: Ask, refused: Callable[[BaseException], bool], most: float, seconds: float) -> Overloaded:
    """Sends five times `most` requests a second for a while, then half of `most`. `refused` knows a refusal."""
    answered, took = 0, list[float]()
    errors = 0

    async def one(number: int) -> None:
        nonlocal answered, errors
        sent = time.perf_counter()
        try:
            await ask(number)
            answered += 1
        except Exception as error:  # whatever a peer raises is an answer that did not come
            if refused(error):
                took.append(time.perf_counter() - sent)
            else:
                errors += 1

    sent = await _at_rate(one, 5 * most, seconds)
    answered_meanwhile, refused_meanwhile = answered, sorted(took)
    stopped = time.perf_counter()
    recovered = float("nan")
    while time.perf_counter() - stopped < _LONGEST_RECOVERY:
        began, before, had = time.perf_counter() - stopped, len(took) + errors, answered
        sent_now = await _at_rate(one, most / 2, 1.0)
        if len(took) + errors == before and answered - had >= 0.8 * sent_now:
            recovered = began
            break
    p50, p99 = np.percentile(refused_meanwhile, [50, 99]) * 1000 if refused_meanwhile else (float("nan"),) * 2
    return Overloaded(
        round(sent / seconds, 1),
        round(answered_meanwhile / seconds, 1),
        round(len(refused_meanwhile) / seconds, 1),
        round(float(p50), 2),
        round(float(p99), 2),
        errors,
        round(recovered, 1),
    )


async def _at_rate(one: Callable[[int], Awaitable[None]], rate: float, seconds: float) -> int:
    """Starts so many a second, and returns how many were started; a late start is made up for."""
    began, tasks, number = time.perf_counter(), set[asyncio.Task[None]](), 0
    while (elapsed := time.perf_counter() - began) < seconds:
        while number < elapsed * rate:
            task = asyncio.ensure_future(one(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(0.002)
    return number
