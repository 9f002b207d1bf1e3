"""How many calls one caller may begin: a token bucket each (RFC 2697's, of calls instead of bytes)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from synthoscope.rpc.errors import ResourceExhausted

_CALLERS = 10_000
"""Remembered; of more, those that were quiet longest are forgotten."""


@dataclass
class Rates:
    """Lets a caller begin `per_second` calls, and `burst` at once after a while; 0 lets everything through."""

    per_second: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[Hashable, tuple[float, float]] = field(default_factory=OrderedDict)
    """What each caller had left, and when."""

    def take(self, caller: Hashable) -> None:
        """Counts a call. Raises ResourceExhausted, saying when the next one is let through, when there are too many."""
        if not self.per_second:
            return
        now = self.clock()
        left, since = self._left.pop(caller, (float(self.burst), now))
        left = min(float(self.burst), left + (now - since) * self.per_second)
        allowed = left >= 1
        self._left[caller] = (left - 1 if allowed else left, now)
        if len(self._left) > _CALLERS:
            self._left.popitem(last=False)
        if not allowed:
            raise ResourceExhausted(
                f"more than {self.per_second:g} calls a second; wait", retry_after=(1 - left) / self.per_second
            )
