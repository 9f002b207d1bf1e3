"""Repeating what may be repeated while the platform is UNAVAILABLE."""

import random
import time
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from synthoscope.rpc.errors import Unavailable

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0
"""Seconds."""

T = TypeVar("T")


class Retrying:
    """Repeats actions, with random pauses that grow, until nothing has worked for `patience` seconds.

    Actions of several threads share that budget: one that works shows that the platform is there again.
    """

    def __init__(self, patience: float = 60.0) -> None:
        self._patience = patience
        self._failing_since: float | None = None

    def call(self, action: Callable[[], T]) -> T:
        """What `action` returns. Raises its Unavailable when the patience is over, and its other errors at once."""
        for attempt in count():
            try:
                result = action()
            except Unavailable:
                self._wait(attempt)
            else:
                self._failing_since = None
                return result
        raise AssertionError("count() does not end")

    def _wait(self, attempt: int) -> None:
        """Waits before the next attempt; called while the error is handled, which it raises again instead."""
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        left = self._failing_since + self._patience - now
        if left <= 0:
            raise
        # Full jitter: pauses are random from nothing up, so that clients do not come back all at once.
        time.sleep(min(left, random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt))))
