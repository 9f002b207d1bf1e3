"""No call without an end: a deadline for those that bring none, and a short one for watches once the process stops."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from synthoscope.rpc.errors import DeadlineExceeded, Unavailable
from synthoscope.rpc.settings import ServerSettings


@dataclass
class Deadlines:
    """The deadlines of one server's calls."""

    settings: ServerSettings
    _watches: set[asyncio.Timeout] = field(default_factory=set)
    _cut_at: float | None = None

    def seconds(self, remaining: float | None, request_streaming: bool, response_streaming: bool) -> float:
        """How long a call may take: what remains of its own deadline, or the default of its kind."""
        if remaining is not None:
            return min(remaining, self.settings.watch_seconds)
        if response_streaming:
            return self.settings.watch_seconds
        return self.settings.upload_seconds if request_streaming else self.settings.unary_seconds

    @contextlib.asynccontextmanager
    async def limit(self, seconds: float, watch: bool) -> AsyncIterator[None]:
        """Raises DeadlineExceeded in the block after `seconds`, or Unavailable in a watch that `cut_watches` ends."""
        timeout = asyncio.timeout(seconds)
        try:
            async with timeout:
                if watch:
                    self._watches.add(timeout)
                    self._cut(timeout)
                try:
                    yield
                finally:
                    self._watches.discard(timeout)
        except TimeoutError as error:
            if not timeout.expired():
                raise
            if self._cut_at is not None and timeout.when() == self._cut_at:
                raise Unavailable("the server is stopping; watch again") from error
            raise DeadlineExceeded(f"not finished after {seconds:g} s") from error

    def cut_watches(self) -> None:
        """Ends the watches in progress, and those to come, within `drain_watch_seconds` from now."""
        self._cut_at = asyncio.get_running_loop().time() + self.settings.drain_watch_seconds
        for timeout in tuple(self._watches):
            self._cut(timeout)

    def _cut(self, timeout: asyncio.Timeout) -> None:
        when = timeout.when()
        if self._cut_at is not None and not timeout.expired() and (when is None or self._cut_at < when):
            timeout.reschedule(self._cut_at)
