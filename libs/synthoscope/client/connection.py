"""Where the services are, and how their errors reach the caller."""

import json
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import grpc
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.rpc.settings import problems
from synthoscope.rpc.status import from_rpc_error

CALL_SECONDS = 60.0
"""Deadline of calls that answer at once."""

STREAM_SECONDS = 24 * 3600.0
"""Deadline of watches."""

Request = TypeVar("Request")
Response = TypeVar("Response")


class Endpoints(BaseModel):
    """`host:port` of each service; those that are never called may be left out."""

    model_config = {"frozen": True}

    training: str = ""
    synthesis: str = ""
    classification: str = ""
    explanation: str = ""
    tuning: str = ""


class ClientSettings(BaseSettings):
    """How to reach a platform; from SYNTHOSCOPE_CLIENT_* in the environment, or from the local stack's state file."""

    model_config = SettingsConfigDict(env_prefix="SYNTHOSCOPE_CLIENT_", env_nested_delimiter="__", frozen=True)

    endpoints: Endpoints
    token: SecretStr
    tenant: str = "default"
    certificate_authority: Path | None = None

    @classmethod
    def find(cls, home: Path | None = None) -> "ClientSettings":
        """The environment's settings if it has any, else those of the local stack in `home`.

        Raises FailedPrecondition when there is neither, or when the environment's are not whole; it names what is
        missing.
        """
        if home is None and "SYNTHOSCOPE_CLIENT_TOKEN" in os.environ:
            try:
                return cls()  # type: ignore[call-arg]  # filled from the environment
            except ValidationError as error:
                wrong = "; ".join(problems(cls, error))
                raise FailedPrecondition(f"the environment does not say how to reach the platform: {wrong}") from None
            except SettingsError:
                raise FailedPrecondition("SYNTHOSCOPE_CLIENT_ENDPOINTS must be JSON, or not be set") from None
        state_file = (home or default_home()) / "state.json"
        try:
            state = json.loads(state_file.read_text())
        except FileNotFoundError:
            raise FailedPrecondition(
                "no platform to talk to: start the local stack with `synthoscope up`, or set "
                "SYNTHOSCOPE_CLIENT_TOKEN and SYNTHOSCOPE_CLIENT_ENDPOINTS__TRAINING, …"
            ) from None
        return cls(endpoints=Endpoints.model_validate(state["endpoints"]), token=SecretStr(state["token"]))


def default_home() -> Path:
    """Where the local stack lives: $SYNTHOSCOPE_HOME, or ~/.local/state/synthoscope."""
    return Path(os.environ.get("SYNTHOSCOPE_HOME") or Path.home() / ".local/state/synthoscope")


class Connection:
    """One channel per service, opened when first needed."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._channels: dict[str, grpc.Channel] = {}

    @cached_property
    def parent(self) -> str:
        """`tenants/{tenant}` of the caller."""
        return f"tenants/{self.settings.tenant}"

    def channel(self, service: str) -> grpc.Channel:
        """The channel to a service ("training"). Raises FailedPrecondition where nothing says where it is."""
        if service not in self._channels:
            address = getattr(self.settings.endpoints, service)
            if not address:
                variable = f"SYNTHOSCOPE_CLIENT_ENDPOINTS__{service.upper()}"
                raise FailedPrecondition(f"nothing says where the {service} service is: set {variable} to host:port")
            authority = self.settings.certificate_authority
            self._channels[service] = open_channel(
                address,
                self.settings.token.get_secret_value(),
                ca=authority.read_bytes() if authority else None,
            )
        return self._channels[service]

    def close(self) -> None:
        """Closes all channels."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()


def call(method: Callable[..., Response], request: Any, seconds: float = CALL_SECONDS) -> Response:
    """Makes a call that has one answer. Raises the SynthoscopeError of its status."""
    try:
        return method(request, timeout=seconds)
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None


def stream(
    method: Callable[..., Iterator[Response]], request: Any, seconds: float = STREAM_SECONDS
) -> Iterator[Response]:
    """Makes a call that has many answers. Raises the SynthoscopeError of its status."""
    try:
        yield from method(request, timeout=seconds)
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None


def pages(method: Callable[..., Response], request: Any) -> Iterator[Response]:
    """The pages of a listing, from the request's on to the last. Raises the SynthoscopeError of its status."""
    while True:
        page: Any = call(method, request)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
