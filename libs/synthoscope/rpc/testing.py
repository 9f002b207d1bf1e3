"""The real server, in a thread of the test's process."""

import asyncio
import contextlib
import hashlib
import json
import secrets
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from synthoscope.rpc.interceptors import OnDenied
from synthoscope.rpc.logging import configure_for_tests
from synthoscope.rpc.readiness import Dependency
from synthoscope.rpc.server import Background, Endpoints, Registration, run
from synthoscope.rpc.settings import ServerSettings

_SECONDS_TO_START = 30


class RunningServer(NamedTuple):
    """Where it listens (host:port), the token it takes, and where its metrics are (host:port)."""

    address: str
    token: str
    metrics: str


@contextlib.contextmanager
def running_server(
    registrations: Sequence[Registration],
    *,
    background: Sequence[Background] = (),
    dependencies: Sequence[Dependency] = (),
    on_denied: OnDenied = lambda denial: None,
    tenant: str = "default",
    roles: Sequence[str] = ("admin",),
    **settings: Any,
) -> Iterator[RunningServer]:
    """Serves on a free loopback port inside the block; the token stands for `tenant` with `roles`.

    Other keywords go to ServerSettings. Raises what the server raised when it cannot start, and AssertionError at
    the end of the block when a background coroutine has crashed.
    """
    configure_for_tests()
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory() as directory:
        tokens = Path(directory) / "tokens.json"
        write_tokens(tokens, token, tenant, roles)
        options: dict[str, Any] = {"log_error_text": True, "drain_seconds": 5, "drain_watch_seconds": 0.2, **settings}
        server = ServerSettings(tokens_file=tokens, **options)
        with _thread(server, registrations, background, dependencies, on_denied) as endpoints:
            yield RunningServer(endpoints.rpc, token, endpoints.metrics)


def write_tokens(path: Path, token: str, tenant: str = "default", roles: Sequence[str] = ("admin",)) -> None:
    """Writes a tokens file with one token."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    entry = {"sha256": digest, "tenant": tenant, "subject": "local", "roles": list(roles)}
    path.write_text(json.dumps({"tokens": [entry]}))


@contextlib.contextmanager
def _thread(
    settings: ServerSettings,
    registrations: Sequence[Registration],
    background: Sequence[Background],
    dependencies: Sequence[Dependency],
    on_denied: OnDenied,
) -> Iterator[Endpoints]:
    ready: Future[Endpoints] = Future()
    status: Future[int] = Future()
    stop: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> int:
        event = asyncio.Event()
        stop.set_result((asyncio.get_running_loop(), event))
        return await run(settings, registrations, background, event, ready.set_result, dependencies, on_denied)

    def target() -> None:
        try:
            status.set_result(asyncio.run(main()))
        except Exception as error:  # the thread's boundary: the test's thread raises it
            (status if ready.done() else ready).set_exception(error)

    thread = threading.Thread(target=target, name="server", daemon=True)
    thread.start()
    try:
        yield ready.result(_SECONDS_TO_START)
    finally:
        loop, event = stop.result(_SECONDS_TO_START)
        with contextlib.suppress(RuntimeError):  # its loop is closed already when it has crashed
            loop.call_soon_threadsafe(event.set)
        thread.join(settings.drain_seconds + _SECONDS_TO_START)
    if status.result(0):
        raise AssertionError("a background coroutine crashed; the log says why")
