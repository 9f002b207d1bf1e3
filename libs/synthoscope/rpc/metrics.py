"""What is seen of a server's calls: Prometheus metrics, by the names that gRPC interceptors share, and a log line."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import grpc
import structlog
from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from synthoscope.rpc import health
from synthoscope.rpc.errors import StartupError

_LABELS = ("grpc_service", "grpc_method")
HANDLED = Counter("grpc_server_handled", "Calls answered, by status code.", (*_LABELS, "grpc_code"))
SECONDS = Histogram(
    "grpc_server_handling_seconds",
    "Time to answer a call.",
    _LABELS,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
IN_FLIGHT = Gauge("grpc_server_in_flight", "Calls being answered.", _LABELS)

_POLL_SECONDS = 0.1

# Methods are few, and finding a metric's child takes as long as counting with it.
_handled, _seconds, _in_flight = cache(HANDLED.labels), cache(SECONDS.labels), cache(IN_FLIGHT.labels)

_log = structlog.get_logger()


def count_unknown() -> None:
    """Counts a call to a method that does not exist; its name is the caller's invention, so it is no label."""
    HANDLED.labels("unknown", "unknown", grpc.StatusCode.UNIMPLEMENTED.name).inc()


def count_refused(method: str) -> None:
    """Counts a call that was refused before it was read."""
    _handled(*method.strip("/").split("/"), grpc.StatusCode.RESOURCE_EXHAUSTED.name).inc()


@contextlib.asynccontextmanager
async def observed(method: str, context: Any) -> AsyncIterator[None]:
    """Counts, times and logs the call answered in the block. `method` is the full name, `/package.Service/Method`."""
    service, name = method.strip("/").split("/")
    started = time.perf_counter()
    code = grpc.StatusCode.OK
    in_flight = _in_flight(service, name)
    in_flight.inc()
    try:
        yield
    except asyncio.CancelledError:
        code = grpc.StatusCode.CANCELLED
        raise
    except grpc.aio.AbortError:
        code = context.code() or grpc.StatusCode.UNKNOWN
        raise
    except grpc.aio.BaseError:
        code = grpc.StatusCode.CANCELLED
        raise
    finally:
        seconds = time.perf_counter() - started
        in_flight.dec()
        _seconds(service, name).observe(seconds)
        _handled(service, name, code.name).inc()
        _log.log(_level(service), "rpc", method=method, code=code.name, seconds=round(seconds, 4))


def _level(service: str) -> int:
    return logging.DEBUG if service == health.NAME else logging.INFO  # probes come every few seconds


@contextlib.contextmanager
def metrics_endpoint(host: str, port: int) -> Iterator[str]:
    """Serves `/metrics` over HTTP inside the block; gives its address. Raises StartupError when the port is taken."""
    try:
        server = make_server(host, port, make_wsgi_app(), ThreadingWSGIServer, handler_class=_Silent)
    except OSError as error:
        raise StartupError(f"metrics cannot listen on {host}:{port}: {error.strerror}") from None
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="metrics", daemon=True)
    thread.start()
    try:
        yield f"{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Silent(WSGIRequestHandler):
    """Does not write a line to stderr for every scrape."""

    def log_message(self, format: str, *args: Any) -> None:
        """Drops the line."""
