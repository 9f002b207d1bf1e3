"""Errors as gRPC statuses with google.rpc details, and back again at the client."""

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from synthoscope.rpc import errors
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted, SynthoscopeError

DOMAIN = "synthoscope"

# Together with their encoding, message and details stay below what clients accept as metadata (8 KiB).
_LONGEST_MESSAGE = 1000
_LARGEST_DETAILS = 4000


def to_status(error: SynthoscopeError) -> status_pb2.Status:
    """The google.rpc status of an error: ErrorInfo always, BadRequest and RetryInfo where they apply."""
    status = status_pb2.Status(code=error.status.value[0], message=_shortened(error.message))
    for detail in _details(error):
        packed = any_pb2.Any()
        packed.Pack(detail)
        if status.ByteSize() + packed.ByteSize() <= _LARGEST_DETAILS:
            status.details.append(packed)
    return status


def trailing_metadata(status: status_pb2.Status) -> tuple[tuple[str, str | bytes], ...]:
    """What carries a status's details to the client."""
    return tuple(rpc_status.to_status(status).trailing_metadata)


def from_rpc_error(error: grpc.RpcError) -> SynthoscopeError:
    """The error that a failed call stands for, with its violations and its time to retry.

    A status that no class owns (INTERNAL, UNKNOWN) gives a plain SynthoscopeError.
    """
    code, message = error.code(), error.details() or ""
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        field, description = _violation(error)
        return InvalidInput(field, description) if description else InvalidInput("", message)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return ResourceExhausted(message, _retry_after(error))
    for kind in _KINDS:
        if kind.status is code:
            return kind(message)
    return SynthoscopeError(message or code.name)


_KINDS: Sequence[type[SynthoscopeError]] = (
    errors.NotFound,
    errors.AlreadyExists,
    errors.FailedPrecondition,
    errors.Unauthenticated,
    errors.PermissionDenied,
    errors.Unavailable,
    errors.DeadlineExceeded,
    errors.DataLoss,
    errors.Cancelled,
    errors.Unimplemented,
)


def _details(error: SynthoscopeError) -> list[Message]:
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=error.status.name, domain=DOMAIN)]
    if isinstance(error, InvalidInput):
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=v.field, description=_shortened(v.description))
            for v in error.violations
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if isinstance(error, ResourceExhausted) and error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMicroseconds(round(error.retry_after * 1e6))
        details.append(retry)
    return details


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"


def _violation(error: grpc.RpcError) -> tuple[str, str]:
    bad_request = error_details_pb2.BadRequest()
    if _unpack(error, bad_request) and bad_request.field_violations:
        first = bad_request.field_violations[0]
        return first.field, first.description
    return "", ""


def _retry_after(error: grpc.RpcError) -> float | None:
    retry = error_details_pb2.RetryInfo()
    return retry.retry_delay.ToMicroseconds() / 1e6 if _unpack(error, retry) else None


def _unpack(error: Any, detail: Message) -> bool:
    try:
        status = rpc_status.from_call(error)
    except ValueError:  # the details speak of another status: a proxy has changed one of them
        return False
    return status is not None and any(packed.Unpack(detail) for packed in status.details)
