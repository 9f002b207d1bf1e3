"""What a job was asked to do: the very request, in the object store under the job's name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, NotFound

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Specification:
    """A job's specification.

    `message_type` is the full name of the message, `request` the message as a JSON object, as it was sent; `resolved`
    has the string fields that mean something else tomorrow (`versions/latest`), with what they meant then; a field of a
    message within the request by its path, joined by dots.
    """

    name: str
    kind: JobKind
    request_id: str
    create_time: datetime
    message_type: str
    request: dict[str, Any]
    resolved: dict[str, str]

    @classmethod
    def of(
        cls, name: str, kind: JobKind, request: Message, request_id: str, resolved: Mapping[str, str]
    ) -> "Specification":
        """The specification of a job that is asked for now."""
        message = json_format.MessageToDict(request)
        message_type = request.DESCRIPTOR.full_name
        return cls(name, kind, request_id, datetime.now(UTC), message_type, message, dict(resolved))

    def as_message(self, message_type: type[M]) -> M:
        """The request with its fields resolved. Raises DataLoss when it is not a message of this type."""
        message = self._as_sent(message_type)
        for path, value in self.resolved.items():
            *parents, field = path.split(".")
            setattr(reduce(getattr, parents, message), field, value)
        return message

    def _as_sent(self, message_type: type[M]) -> M:
        if self.message_type != message_type.DESCRIPTOR.full_name:
            raise DataLoss(f"{self.name} was asked for by {self.message_type}, not {message_type.DESCRIPTOR.full_name}")
        try:
            return json_format.ParseDict(self.request, message_type(), ignore_unknown_fields=True)
        except json_format.ParseError as error:
            raise DataLoss(f"the specification of {self.name} cannot be read") from error

    def asks_for(self, kind: JobKind, request: Message) -> bool:
        """Whether it was made of an equal request."""
        same = self.kind is kind and self.message_type == request.DESCRIPTOR.full_name
        return same and self._as_sent(type(request)) == request

    def queued(self) -> Job:
        """The job before anything has happened to it."""
        return Job(
            name=self.name,
            kind=self.kind,
            state=JobState.QUEUED,
            create_time=self.create_time,
            state_reason="accepted",
            request_id=self.request_id,
        )

    def to_json(self) -> bytes:
        """Its bytes in the object store."""
        values = {
            "kind": self.kind.value,
            "request_id": self.request_id,
            "create_time": self.create_time.isoformat(),
            "message_type": self.message_type,
            "request": self.request,
            "resolved": self.resolved,
        }
        return json.dumps(values, indent=1).encode()


def specification_key(name: str) -> str:
    """Where a job's specification lies."""
    return f"{name}/specification.json"


def read_specification(objects: ObjectStore, name: str) -> Specification:
    """A job's specification. Raises NotFound, or DataLoss when it cannot be read."""
    try:
        values = json.loads(objects.get(specification_key(name)))
        return Specification(
            name=name,
            kind=JobKind(values["kind"]),
            request_id=values["request_id"],
            create_time=datetime.fromisoformat(values["create_time"]),
            message_type=values["message_type"],
            request=values["request"],
            resolved=values["resolved"],
        )
    except NotFound:
        raise NotFound(f"{name} does not exist") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataLoss(f"the specification of {name} cannot be read") from error
