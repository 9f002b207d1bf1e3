"""What a gRPC server process can be told."""

import sys
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)

LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes of one request message."""

LARGEST_METADATA = 8 * 1024
"""Bytes of one call's metadata."""


class JwtSettings(BaseModel):
    """Whose tokens are taken, and what their claims are called. A token needs `exp` and `sub`, too."""

    model_config = ConfigDict(frozen=True)

    jwks: str
    """The provider's keys: a file's path, or an https address (http on loopback only)."""
    issuer: str
    audience: str
    tenant_claim: str = "tenant"
    roles_claim: str = "roles"
    """A list of roles, or one text with spaces between; those that are not known here do not count."""
    refresh_seconds: float = Field(default=300, gt=0)
    leeway_seconds: float = Field(default=30, ge=0, le=300)
    """How far clocks may differ."""

    @field_validator("jwks")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        address = urlsplit(value)
        if address.scheme == "http" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("must be an https address or a file: whoever can change the keys can let anybody in")
        return value


class ServerSettings(BaseModel):
    """Where a server listens, whom it lets in, and its limits. Port 0 takes a free port."""

    model_config = ConfigDict(frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)

    tokens_file: Path
    """JSON: {"tokens": [{"sha256": …, "tenant": …, "subject": …, "roles": ["diagnose", "read", "train", "admin"]}]}."""
    jwt: JwtSettings | None = None
    """An identity provider whose tokens are taken, too."""

    tls_certificate: Path | None = None
    """PEM chain; with `tls_key`, the server speaks TLS."""
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    """PEM; clients must then show a certificate signed by it."""

    threads: int = Field(default=16, ge=1, le=256)
    """Plain (not async) methods that run at the same time."""
    watch_threads: int = Field(default=64, ge=1, le=1024)
    """Blocking reads of streams (`asyncio.to_thread`) at the same time."""
    maximum_concurrent_rpcs: int = Field(default=256, ge=1)
    """Calls in flight, health checks aside; more are RESOURCE_EXHAUSTED."""

    calls_per_second: float = Field(default=0, ge=0)
    """That one caller may begin, in the long run; more are RESOURCE_EXHAUSTED. 0: as many as it likes."""
    calls_at_once: int = Field(default=100, ge=1)
    """That it may begin at once after a while, where calls_per_second is set."""

    unary_seconds: float = Field(default=60, gt=0)
    """Deadline of a call with one request and one response that comes without one."""
    upload_seconds: float = Field(default=900, gt=0)
    """The same for a call that streams requests."""
    watch_seconds: float = Field(default=3600, gt=0)
    """The same for a call that streams responses, and the longest that any call may ask for."""

    drain_seconds: float = Field(default=30, ge=0)
    """What calls in flight get to finish once the process is told to stop."""
    drain_watch_seconds: float = Field(default=2, ge=0)
    """The same for calls that stream responses: they end UNAVAILABLE, and their clients watch elsewhere."""

    readiness_probe_seconds: float = Field(default=2, gt=0)
    """Pause between two looks at what the process depends on, and how long each may take."""
    readiness_patience_seconds: float = Field(default=10, ge=0)
    """How long something may be away before health says NOT_SERVING; it says SERVING again as soon as it is back."""

    log_error_text: bool = False
    """Whether logs carry the text of unexpected errors. It may hold patient data: for development only."""

    @model_validator(mode="after")
    def _tls_is_whole(self) -> "ServerSettings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")
        return self


def from_environment(settings: type[S]) -> S:
    """Reads a process's settings from the environment.

    Raises SystemExit with status 1 when they are wrong, after a line on stderr for each wrong one. The lines name
    variables and show no values: pydantic's own error would print the secrets beside a missing one.
    """
    try:
        return settings()
    except ValidationError as error:
        for line in problems(settings, error):
            print(line, file=sys.stderr)
        raise SystemExit(1) from None


def problems(settings: type[BaseSettings], error: ValidationError) -> list[str]:
    """What is wrong in the environment, a line for each variable, without any values."""
    prefix, delimiter = settings.model_config["env_prefix"], settings.model_config["env_nested_delimiter"] or "__"
    return [
        f"{prefix}{delimiter.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
