"""The client's side: a channel that carries a token, gives calls a deadline and repeats reads that found nobody."""

import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import grpc

from synthoscope import api
from synthoscope.rpc.auth import AUTHORIZATION

UNARY_SECONDS = 30.0
"""Deadline of a call with one request and one response, unless the caller gives one."""

STREAM_SECONDS = 3600.0
"""The same for streams."""

LARGEST_RESPONSE = 16 * 1024 * 1024
"""Bytes of one response message."""

_READS = ("Get", "List", "Find")


def open_channel(
    target: str,
    token: str,
    *,
    ca: bytes | None = None,
    certificate: bytes | None = None,
    key: bytes | None = None,
) -> grpc.Channel:
    """A channel to `target` (host:port).

    With `ca` (PEM) it speaks TLS, and with `certificate` and `key` (PEM) it shows who it is. Every call carries the
    token and has a deadline. Methods that only read (Get…, List…, Find…) are repeated up to three times when the server
    is UNAVAILABLE, with growing random pauses and within a budget. Close it, or use it in a `with` statement.
    """
    options = (
        ("grpc.service_config", _service_config()),
        ("grpc.max_receive_message_length", LARGEST_RESPONSE),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        # Two channels of one process may carry different tokens or fates: they share no connection.
        ("grpc.use_local_subchannel_pool", 1),
    )
    if ca is None:
        channel = grpc.insecure_channel(target, options)
    else:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, certificate), options)
    return grpc.intercept_channel(channel, _CallDefaults(token))


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str | bytes]] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _CallDetails(_Details, grpc.ClientCallDetails):  # type: ignore[misc]
    """gRPC wants its own type, and gives no way to make one."""


class _CallDefaults(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds the token and the deadline."""

    def __init__(self, token: str) -> None:
        self._token = (AUTHORIZATION, f"Bearer {token}")

    def intercept_unary_unary(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        return continuation(self._complete(client_call_details, UNARY_SECONDS), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        return continuation(self._complete(client_call_details, STREAM_SECONDS), request)

    def intercept_stream_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Iterator[Any]
    ) -> Any:
        return continuation(self._complete(client_call_details, STREAM_SECONDS), request_iterator)

    def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Iterator[Any]
    ) -> Any:
        return continuation(self._complete(client_call_details, STREAM_SECONDS), request_iterator)

    def _complete(self, details: Any, seconds: float) -> _CallDetails:
        return _CallDetails(
            method=details.method,
            timeout=seconds if details.timeout is None else details.timeout,
            metadata=(*(details.metadata or ()), self._token),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
            compression=details.compression,
        )


@lru_cache(maxsize=1)
def _service_config() -> str:
    """gRPC's JSON for what to repeat, and how often (gRFC A6)."""
    return json.dumps(
        {
            "methodConfig": [
                {
                    "name": [{"service": service, "method": method} for service, method in _reads()],
                    "retryPolicy": {
                        "maxAttempts": 4,
                        "initialBackoff": "0.1s",
                        "maxBackoff": "2s",
                        "backoffMultiplier": 3,
                        "retryableStatusCodes": ["UNAVAILABLE"],
                    },
                }
            ],
            "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.2},
        }
    )


def _reads() -> Iterator[tuple[str, str]]:
    """The methods, of every service in synthoscope.api, that change nothing."""
    for file in sorted(file for path in api.__path__ for file in Path(path).glob("*/v1/*_service_pb2.py")):
        module = importlib.import_module(".".join((api.__name__, *file.parts[-3:-1], file.stem)))
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                if method.name.startswith(_READS):
                    yield service.full_name, method.name
