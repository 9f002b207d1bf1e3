"""What a text for callers must not say."""

import re
from collections.abc import Iterable

import grpc
from bad_input import canary
from google.rpc import status_pb2

_REVEALING = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|0x[0-9a-f]{6,}|(?<![\w.])/(?:home|root|tmp|usr|opt|proc|var|work|etc)\b"
    r"|localhost|127\.0\.0\.1|\b(?:\d{1,3}\.){3}\d{1,3}:\d+|\b[a-z0-9.-]+:\d{4,5}\b",
    re.IGNORECASE,
)
"""Of tracebacks, paths, and addresses in memory and in the network."""


def revealed(text: str, pids: Iterable[int]) -> list[str]:
    """What a text says of processes, of the machine or of the patient."""
    numbers = [str(pid) for pid in pids if re.search(rf"(?<!\d){pid}(?!\d)", text)]
    return [*_REVEALING.findall(text), *numbers, *canary.found_in(text)]


def everything(error: grpc.RpcError) -> str:
    """An error's message and metadata, the details of google.rpc spelled out."""
    parts = [error.details() or ""]
    for key, value in (*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())):
        if key == "grpc-status-details-bin":
            found = status_pb2.Status.FromString(value)
            parts += [found.message, *(f"{packed.type_url} {packed.value!r}" for packed in found.details)]
        else:
            parts.append(f"{key}={value!r}")
    return "\n".join(parts)
