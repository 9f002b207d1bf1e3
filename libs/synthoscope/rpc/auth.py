"""Who calls: bearer tokens, and the rule that a caller sees its own tenant only.

Tokens are those of a file, which holds their SHA-256 sums, so that reading it does not give a token away; and those
that an identity provider signs, where one is named.
"""

import contextlib
import hashlib
import hmac
import time
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synthoscope.rpc.errors import NotFound, PermissionDenied, StartupError, Unauthenticated
from synthoscope.rpc.jwt_tokens import JwtTokens
from synthoscope.rpc.watched_files import WatchedFiles

AUTHORIZATION = "authorization"
"""Metadata key of the token: `Bearer …`."""

_TENANTS = "tenants/"
_DOTS_OF_JWT = 2
_LOOK_SECONDS = 1.0
"""Between two looks at the tokens file."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Caller:
    """Who a token stands for."""

    tenant: str
    subject: str
    roles: frozenset[str]

    def require(self, roles: frozenset[str]) -> None:
        """Raises PermissionDenied unless the caller has one of the roles."""
        if not self.roles & roles:
            raise PermissionDenied(f"needs the role {' or '.join(sorted(roles))}")


_CALLER: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """Who makes the call that is being answered. Raises Unauthenticated outside of one."""
    try:
        return _CALLER.get()
    except LookupError:
        raise Unauthenticated("no caller is known here") from None


def current_caller() -> Caller | None:
    """The same, or None where nobody is known."""
    return _CALLER.get(None)


@contextlib.contextmanager
def acting_as(identity: Caller) -> Iterator[None]:
    """Makes `caller()` answer `identity` inside the block: for work that no call asks for, and for tests."""
    token = _CALLER.set(identity)
    try:
        yield
    finally:
        _CALLER.reset(token)


def become(identity: Caller) -> None:
    """Makes `caller()` answer `identity` for the rest of the current task."""
    _CALLER.set(identity)


class ForeignTenant(NotFound):
    """A resource of another tenant, of which nothing is told: not even that it is there."""


class TokenRecord(BaseModel):
    """One entry of the tokens file."""

    model_config = ConfigDict(frozen=True)

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    tenant: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")
    subject: str = Field(min_length=1, max_length=256)
    roles: frozenset[Literal["diagnose", "read", "train", "admin"]] = frozenset()


class TokensFile(BaseModel):
    """The tokens file. An empty one lets nobody in."""

    model_config = ConfigDict(frozen=True)

    tokens: tuple[TokenRecord, ...]


@dataclass
class Authenticator:
    """Turns a call's metadata into its caller."""

    records: tuple[TokenRecord, ...]
    signed: JwtTokens | None = None
    path: Path | None = None
    """The tokens file, which is read again when it changes."""

    @classmethod
    def load(cls, path: Path, signed: JwtTokens | None = None) -> "Authenticator":
        """Reads the tokens file. Raises StartupError when it is missing or malformed."""
        return cls(_read(path), signed, path)

    def __post_init__(self) -> None:
        self._files = WatchedFiles([self.path] if self.path else [])
        self._looked = time.monotonic()

    def authenticate(self, metadata: Iterable[tuple[str, str | bytes]]) -> Caller:
        """The caller that the metadata's bearer token stands for. Raises Unauthenticated."""
        scheme, _, token = _authorization(metadata).partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated(f"needs the metadata `{AUTHORIZATION}: Bearer TOKEN`")
        if self.signed is not None and token.count(".") == _DOTS_OF_JWT:
            return Caller(*self.signed.claims(token.strip()))
        self._look_again()
        digest = hashlib.sha256(token.strip().encode()).hexdigest()
        found = None
        for record in self.records:  # to the end: the time taken must not tell which one matched
            if hmac.compare_digest(record.sha256, digest):
                found = record
        if found is None:
            raise Unauthenticated("the token is not known here")
        return Caller(found.tenant, found.subject, frozenset(found.roles))

    def _look_again(self) -> None:
        if self.path is None or time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if self._files.changed():
            try:
                self.records = _read(self.path)
            except StartupError as error:
                _log.warning("the tokens file was changed to what cannot be read; the old one stays", reason=str(error))


def _read(path: Path) -> tuple[TokenRecord, ...]:
    try:
        return TokensFile.model_validate_json(path.read_bytes()).tokens
    except OSError as error:
        raise StartupError(f"cannot read the tokens file {path}: {error.strerror}") from None
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the file"
        raise StartupError(f"the tokens file {path} is malformed at {where}") from None


def _authorization(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    for key, value in metadata:
        if key == AUTHORIZATION:
            return value.decode("latin-1") if isinstance(value, bytes) else value
    return ""


def check_tenant(message: Message, tenant: str) -> None:
    """Raises ForeignTenant when a resource name anywhere in the message is of another tenant.

    Every string that starts with `tenants/` counts as a resource name, in nested messages, lists and maps too.
    """
    for text in _strings(message):
        if text.startswith(_TENANTS) and text.split("/")[1] != tenant:
            raise ForeignTenant("no such resource")


def _strings(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            yield from [value] if isinstance(value, str) else value
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            yield from _strings_within(value)


def _strings_within(value: Message | Iterable[Message] | Mapping[object, object]) -> Iterator[str]:
    if isinstance(value, Message):
        yield from _strings(value)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from (part for part in (key, entry) if isinstance(part, str))
            if isinstance(entry, Message):
                yield from _strings(entry)
    else:
        for item in value:
            yield from _strings(item)
