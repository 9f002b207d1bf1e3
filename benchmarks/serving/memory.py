"""How much the memory of our server grows with the requests that it answers."""

import asyncio
from collections.abc import Mapping

import psutil

from benchmarks.serving.load import Ask
from benchmarks.serving.measuring import Opened, Row, shown
from synthoscope.local.state import StackState
from synthoscope.local.sweep import STACK_VARIABLE, members

_CALLERS = 32
_SETTLING = 5.0
"""Seconds without requests before memory is looked at."""


def growth(named: Row, stack: StackState, opened: Opened, requests: int) -> list[Row]:
    """A row of the resident memory, in MB, of the processes that answer, before and after so many requests.

    A twentieth as many, 500 at least, go before: pools fill, and allocators find their size.
    """

    async def measure() -> Row:
        async with opened() as ask:
            errors = await _ask(ask, max(requests // 20, 500))
            await asyncio.sleep(_SETTLING)
            before = _resident(stack)
            errors += await _ask(ask, requests)
            await asyncio.sleep(_SETTLING)
            after = _resident(stack)
        grown = {f"{name}_mb": [round(before[name], 1), round(after[name], 1)] for name in before}
        return {"requests": requests, "errors": errors, **grown, "growth_mb": _growth(before, after)}

    return shown([{**named, **asyncio.run(measure())}])


async def _ask(ask: Ask, requests: int) -> int:
    """Sends so many, _CALLERS at a time; how many were not answered."""
    numbers, errors = iter(range(requests)), 0

    async def caller() -> None:
        nonlocal errors
        for number in numbers:
            try:
                await ask(number)
            except Exception:  # counted: what memory a failed call leaves matters, too
                errors += 1

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    return errors


def _resident(stack: StackState) -> Mapping[str, float]:
    """MB by role."""
    edge, replicas = list[psutil.Process](), list[psutil.Process]()
    for process in members({STACK_VARIABLE: stack.stack}):
        command = process.cmdline()
        if "services.classification" in command:
            edge.append(process)
        elif command and command[0].startswith("ray::ServeReplica"):
            replicas.append(process)
    decoders = [child for process in edge for child in process.children(recursive=True)]
    roles = {"edge": edge, "decoders": decoders, "replica": replicas}
    if missing := [role for role, processes in roles.items() if not processes]:
        raise RuntimeError(f"no process of the stack is the {missing[0]}")
    return {role: sum(process.memory_info().rss for process in found) / 2**20 for role, found in roles.items()}


def _growth(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    return round(sum(after.values()) - sum(before.values()), 1)
