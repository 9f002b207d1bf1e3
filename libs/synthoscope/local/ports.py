"""Ports of the local stack: free ones on loopback, outside the range the kernel gives to outgoing connections."""

import errno
import random
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack

from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, Unavailable

HOST = "127.0.0.1"
# Below Linux's ephemeral ports (32768 and up), above those that Ray gives to its workers (10002 to 19999).
RANGE = range(20_000, 32_768)


def assign(names: Collection[str], pinned: Mapping[str, int]) -> dict[str, int]:
    """A free port for every name; a pinned name gets the port it asks for.

    Raises InvalidInput for a pinned name that is not in `names` or a port out of range, and FailedPrecondition for a
    pinned port that something else listens on.
    """
    for name, port in pinned.items():
        if name not in names:
            raise InvalidInput("port", f"nothing is called {name!r}; known are {', '.join(sorted(names))}")
        if not 1024 <= port <= 65535:
            raise InvalidInput("port", f"{name}={port} must lie between 1024 and 65535")
    chosen: dict[str, int] = {}
    with ExitStack() as held:
        for name, port in pinned.items():
            probe = _bind(port)
            if probe is None:
                raise FailedPrecondition(f"port {port}, asked for by {name}, is already taken on {HOST}")
            held.enter_context(probe)
            chosen[name] = port
        candidates = iter(random.SystemRandom().sample(RANGE, k=len(RANGE)))
        for name in names:
            if name not in chosen:
                chosen[name] = _take_free(candidates, held)
    return chosen


def _take_free(candidates: Iterator[int], held: ExitStack) -> int:
    for port in candidates:
        probe = _bind(port)
        if probe is not None:
            held.enter_context(probe)
            return port
    raise Unavailable(f"no free port on {HOST} between {RANGE.start} and {RANGE.stop - 1}")


def _bind(port: int) -> socket.socket | None:
    probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        probe.bind((HOST, port))
    except OSError as error:
        probe.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return None
        raise
    return probe
