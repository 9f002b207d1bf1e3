"""What can go wrong, as callers see it. Every class owns its gRPC status; `rpc.interceptors` translates.

SynthoscopeError
├── InvalidInput         INVALID_ARGUMENT     a field is wrong; names the field
├── NotFound             NOT_FOUND            no such resource for this tenant
├── AlreadyExists        ALREADY_EXISTS       the id or request id is taken by something else
├── FailedPrecondition   FAILED_PRECONDITION  right in form, not possible in the present state
├── ResourceExhausted    RESOURCE_EXHAUSTED   too large, or too much at once
├── Unauthenticated      UNAUTHENTICATED      no token, or a wrong one
├── PermissionDenied     PERMISSION_DENIED    the token lacks a role
├── Unavailable          UNAVAILABLE          a store or cluster is away; try again
├── DeadlineExceeded     DEADLINE_EXCEEDED    the caller's time is up
├── DataLoss             DATA_LOSS            bytes are not what their digest says
├── Cancelled            CANCELLED            its owner stopped it
└── Unimplemented        UNIMPLEMENTED        known, but not offered

Anything else that escapes a servicer is INTERNAL with an opaque id: its text may hold patient data.
"""

from dataclasses import dataclass
from typing import ClassVar

import grpc


class SynthoscopeError(Exception):
    """An error whose message is safe and useful to show to the caller."""

    status: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class FieldViolation:
    """One wrong field: its path in the request, and what would be right (google.rpc.BadRequest)."""

    field: str
    description: str


class InvalidInput(SynthoscopeError):
    """A field is wrong whatever the state of the platform."""

    status = grpc.StatusCode.INVALID_ARGUMENT

    def __init__(self, field: str, description: str) -> None:
        super().__init__(f"{field}: {description}" if field else description)
        self.violations = (FieldViolation(field, description),)

    def __reduce__(self) -> tuple[type["InvalidInput"], tuple[str, str]]:
        # Pickle would call the class with the message alone; Ray's workers send errors that way.
        return type(self), (self.violations[0].field, self.violations[0].description)


class NotFound(SynthoscopeError):
    """No such resource, or one of another tenant: the two cannot be told apart."""

    status = grpc.StatusCode.NOT_FOUND


class AlreadyExists(SynthoscopeError):
    """The id, or the request id, already stands for something else."""

    status = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(SynthoscopeError):
    """Right in form, but not possible in the present state of the resource."""

    status = grpc.StatusCode.FAILED_PRECONDITION


class ResourceExhausted(SynthoscopeError):
    """Too large, or too much at once. With `retry_after`, seconds until a retry makes sense (google.rpc.RetryInfo)."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unauthenticated(SynthoscopeError):
    """No token, or one that is not known."""

    status = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(SynthoscopeError):
    """The token does not carry the role that the call needs."""

    status = grpc.StatusCode.PERMISSION_DENIED


class Unavailable(SynthoscopeError):
    """A store or the cluster cannot be reached; the same call may work later."""

    status = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(SynthoscopeError):
    """The caller's time is up."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED


class DataLoss(SynthoscopeError):
    """Stored or sent bytes are not what their digest says."""

    status = grpc.StatusCode.DATA_LOSS


class Cancelled(SynthoscopeError):
    """Stopped by its owner."""

    status = grpc.StatusCode.CANCELLED


class Unimplemented(SynthoscopeError):
    """Known, but not offered here."""

    status = grpc.StatusCode.UNIMPLEMENTED


class StartupError(Exception):
    """The process cannot start; says why in one line. For the operator: no caller ever sees it."""
