"""grpc.health.v1: whether the process, and each of its services, takes calls. Needs no token."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from synthoscope.rpc.errors import NotFound

NAME = "grpc.health.v1.Health"
OVERALL = ""

_Response = health_pb2.HealthCheckResponse


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Health of the named services and of the process as a whole (""). All serve until `drain`."""

    def __init__(self, services: Iterable[str]) -> None:
        self._statuses = dict.fromkeys((OVERALL, *services), _Response.SERVING)
        self._changed = asyncio.Event()
        self._draining = False

    def set(self, service: str, serving: bool) -> None:
        """Says whether a service takes calls; nothing after `drain` changes its answer."""
        if not self._draining:
            self._statuses[service] = _Response.SERVING if serving else _Response.NOT_SERVING
            self._tell_watchers()

    def set_all(self, serving: bool) -> None:
        """Says whether the process, and each of its services, takes calls."""
        for service in self._statuses:
            self.set(service, serving)

    def drain(self) -> None:
        """Turns every service NOT_SERVING for good and ends the watches."""
        self._draining = True
        self._statuses = dict.fromkeys(self._statuses, _Response.NOT_SERVING)
        self._tell_watchers()

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The status of a service. Raises NotFound for one that is not here."""
        status = self._statuses.get(request.service)
        if status is None:
            raise NotFound("no such service")
        return _Response(status=status)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """The status of a service now and whenever it changes; SERVICE_UNKNOWN while it is not here."""
        last = None
        while True:
            changed = self._changed
            status = self._statuses.get(request.service, _Response.SERVICE_UNKNOWN)
            if status != last:
                last = status
                yield _Response(status=status)
            if self._draining and changed is self._changed:
                return
            await changed.wait()

    def _tell_watchers(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
