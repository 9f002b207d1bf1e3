"""One function starts any service: `serve`."""

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import structlog
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from synthoscope.rpc import health, logging
from synthoscope.rpc.auth import Authenticator
from synthoscope.rpc.deadlines import Deadlines
from synthoscope.rpc.errors import StartupError
from synthoscope.rpc.health import HealthServicer
from synthoscope.rpc.interceptors import CallInterceptor, Capacity, Denial, OnDenied
from synthoscope.rpc.jwt_tokens import JwtTokens
from synthoscope.rpc.metrics import metrics_endpoint
from synthoscope.rpc.rates import Rates
from synthoscope.rpc.readiness import Dependency, Readiness
from synthoscope.rpc.settings import LARGEST_METADATA, LARGEST_REQUEST, ServerSettings
from synthoscope.rpc.tls import server_credentials

Background = Callable[[asyncio.Event], Awaitable[None]]
"""Work beside the calls; ends soon after the event is set. When it raises, the process ends."""

_PLACES_FOR_PROBES = 64
_SECONDS_TO_EXIT = 2.0

_log = structlog.get_logger()


@dataclass(frozen=True)
class Registration:
    """A service to offer: its full gRPC name, the generated `add_…Servicer_to_server`, and what answers.

    The servicer's methods return or raise SynthoscopeError. Plain `def` methods (one request, one response) run in a
    thread pool; others are `async def`; those that stream responses are async generators.

    `check_room` is asked before a call of the methods in `bounded` is read, and raises ResourceExhausted when it is to
    be refused: that costs a fraction of what any other answer does.
    """

    name: str
    add: Callable[[Any, Any], None]
    servicer: object
    bounded: Sequence[str] = ()
    check_room: Callable[[], None] = lambda: None


class DenialTrail(Protocol):
    """What keeps calls that were denied."""

    def note_denial(self, denial: Denial) -> None:
        """Keeps one, soon."""

    async def flush(self) -> None:
        """Keeps what it was told, when the last call has ended."""


@dataclass(frozen=True)
class Endpoints:
    """Where a running server listens, as host:port."""

    rpc: str
    metrics: str


def serve(
    process: str,
    settings: ServerSettings,
    registrations: Sequence[Registration],
    background: Sequence[Background] = (),
    dependencies: Sequence[Dependency] = (),
    trail: DenialTrail | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT, then drains and returns. Health follows the dependencies.

    `trail` is told of calls without a token or a role, or that name another tenant's resources.

    Raises SystemExit with status 1, the reason on stderr, when it cannot start or a background coroutine crashes.
    """
    logging.configure(process, error_text=settings.log_error_text)
    try:
        status = asyncio.run(_serve_until_signalled(process, settings, registrations, background, dependencies, trail))
    except StartupError as error:
        print(f"{process}: {error}", file=sys.stderr)
        status = 1
    if status:
        raise SystemExit(status)


async def _serve_until_signalled(
    process: str,
    settings: ServerSettings,
    registrations: Sequence[Registration],
    background: Sequence[Background],
    dependencies: Sequence[Dependency],
    trail: DenialTrail | None,
) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    on_denied = trail.note_denial if trail else lambda denial: None
    status = await run(settings, registrations, background, stop, dependencies=dependencies, on_denied=on_denied)
    if trail:
        await trail.flush()
    _log.info("stopped", status=status)
    _exit_in_any_case(status)
    return status


def _exit_in_any_case(status: int) -> None:
    """Ends the process soon even when a thread hangs: Python waits for those for ever."""
    timer = threading.Timer(_SECONDS_TO_EXIT, os._exit, (status,))
    timer.daemon = True
    timer.start()


async def run(
    settings: ServerSettings,
    registrations: Sequence[Registration],
    background: Sequence[Background],
    stop: asyncio.Event,
    on_ready: Callable[[Endpoints], None] = lambda endpoints: None,
    dependencies: Sequence[Dependency] = (),
    on_denied: OnDenied = lambda denial: None,
) -> int:
    """Serves until `stop` is set or a background coroutine crashes; drains; returns the exit status (0 or 1).

    Raises StartupError when it cannot start.
    """
    signed = JwtTokens(settings.jwt) if settings.jwt else None
    authenticator = Authenticator.load(settings.tokens_file, signed)
    deadlines = Deadlines(settings)
    services = HealthServicer(registration.name for registration in registrations)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(settings.watch_threads, "watch"))
    with _pool(settings.threads) as pool, metrics_endpoint(settings.metrics_host, settings.metrics_port) as metrics:
        capacity = Capacity(settings.maximum_concurrent_rpcs)
        rates = Rates(settings.calls_per_second, settings.calls_at_once)
        doors = {f"/{entry.name}/{method}": entry.check_room for entry in registrations for method in entry.bounded}
        interceptor = CallInterceptor(authenticator, deadlines, capacity, rates, pool, on_denied, doors)
        server = _build(settings, interceptor, registrations, services)
        endpoints = Endpoints(_listen(server, settings), metrics)
        await server.start()
        if settings.tls_key is None and not _is_loopback(settings.host):
            _log.warning("tokens and images travel in clear text: no TLS, and not on loopback", host=settings.host)
        _log.info("serving", address=endpoints.rpc, metrics=endpoints.metrics, tls=settings.tls_key is not None)
        readiness = Readiness(
            services, dependencies, settings.readiness_probe_seconds, settings.readiness_patience_seconds
        )
        watches = [readiness.watch, *([signed.watch] if signed else [])]
        tasks = [asyncio.ensure_future(work(stop)) for work in (*background, *watches)]
        on_ready(endpoints)
        crashed = await _first_crash(tasks, stop)
        _log.info("draining")
        stop.set()
        services.drain()
        deadlines.cut_watches()
        ended, _ = await asyncio.gather(_end(tasks, settings.drain_seconds), server.stop(settings.drain_seconds))
        return int(crashed or not ended)


@contextlib.contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(threads, "rpc")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _build(
    settings: ServerSettings,
    interceptor: CallInterceptor,
    registrations: Sequence[Registration],
    services: HealthServicer,
) -> grpc.aio.Server:
    server = grpc.aio.server(
        interceptors=(interceptor,),
        maximum_concurrent_rpcs=settings.maximum_concurrent_rpcs + _PLACES_FOR_PROBES,
        options=(
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", LARGEST_REQUEST),
            ("grpc.max_metadata_size", LARGEST_METADATA),
            ("grpc.absolute_max_metadata_size", LARGEST_METADATA),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
        ),
    )
    for registration in registrations:
        registration.add(registration.servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(services, server)
    names = [registration.name for registration in registrations]
    reflection.enable_server_reflection((*names, health.NAME, reflection.SERVICE_NAME), server)
    return server


def _listen(server: grpc.aio.Server, settings: ServerSettings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    _check_free(settings.host, settings.port)
    try:
        if settings.tls_key is None:
            port = server.add_insecure_port(f"{host}:{settings.port}")
        else:
            port = server.add_secure_port(f"{host}:{settings.port}", server_credentials(settings))
    except RuntimeError:
        raise StartupError(f"cannot listen on {host}:{settings.port}") from None
    return f"{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_free(host: str, port: int) -> None:
    """Raises StartupError, with the system's reason, for an address that cannot be bound; gRPC's own says little."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise StartupError(f"cannot listen on {host}:{port}: {error.strerror}") from None


async def _first_crash(tasks: Sequence["asyncio.Future[None]"], stop: asyncio.Event) -> bool:
    """Waits for the stop event or a crash, whichever is first; returns whether it was a crash."""
    stopped = asyncio.ensure_future(stop.wait())
    running: set[asyncio.Future[Any]] = {stopped, *tasks}
    try:
        while not stopped.done():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            if _log_crashes(done):
                return True
        return False
    finally:
        stopped.cancel()


async def _end(tasks: Sequence["asyncio.Future[None]"], seconds: float) -> bool:
    """Waits for tasks that have been told to end, then cancels them; returns whether none of them crashed."""
    if not tasks:
        return True
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=1)
    return not _log_crashes(done)


def _log_crashes(tasks: "set[asyncio.Future[Any]]") -> bool:
    crashes = [task.exception() for task in tasks if not task.cancelled()]
    for crash in crashes:
        if crash is not None:
            _log.error("a background task crashed", reason=logging.summarise(crash), exc_info=crash)
    return any(crashes)
