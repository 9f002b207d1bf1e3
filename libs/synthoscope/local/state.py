"""Where the local stack runs and how to reach it: home/state.json, there while the stack is up."""

import json
import secrets
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, computed_field

from synthoscope.jobs.connection import RedisSettings
from synthoscope.local.home import write_private
from synthoscope.local.ports import HOST
from synthoscope.objects import ObjectStoreSettings
from synthoscope.pseudonyms import PseudonymKey
from synthoscope.rpc.errors import DataLoss, FailedPrecondition

SERVICES = ("training", "synthesis", "classification", "explanation", "tuning")
Model = TypeVar("Model", bound=BaseModel)


class Secrets(BaseModel):
    """Made once per home and kept, so that a client's token survives `down` and `up`."""

    model_config = ConfigDict(frozen=True)

    token: str = Field(default_factory=lambda: secrets.token_urlsafe(32))
    ray_token: str = Field(default_factory=lambda: secrets.token_hex(32))
    redis_password: str = Field(default_factory=lambda: secrets.token_hex(24))
    object_access_key: str = Field(default_factory=lambda: secrets.token_hex(10))
    object_secret_key: str = Field(default_factory=lambda: secrets.token_hex(24))
    ray_access_key: str = Field(default_factory=lambda: secrets.token_hex(10))
    ray_secret_key: str = Field(default_factory=lambda: secrets.token_hex(24))
    supervisor_password: str = Field(default_factory=lambda: secrets.token_hex(24))
    pseudonym_key: str = Field(default_factory=lambda: secrets.token_hex(32))

    @classmethod
    def of(cls, home: Path) -> "Secrets":
        """Reads home/secrets.json, and keeps there what had to be made. Raises DataLoss when it cannot be read."""
        path = home / "secrets.json"
        known = _validated(cls, path) if path.exists() else cls()
        if known.model_fields_set != set(cls.model_fields):
            write_private(path, known.model_dump_json(indent=2))
        return known


class StackState(BaseModel):
    """One running stack. Addresses are `host:port`, `ports` has every port by name ("training", "training.metrics")."""

    model_config = ConfigDict(frozen=True)

    stack: str
    home: Path
    runtime: Path
    processes: tuple[str, ...]
    ports: dict[str, int]
    token: str
    ray_token: str
    supervisor_password: str
    pseudonym_key: PseudonymKey
    objects: ObjectStoreSettings
    ray_storage: ObjectStoreSettings
    redis: RedisSettings

    @computed_field  # type: ignore[prop-decorator]
    @property
    def endpoints(self) -> dict[str, str]:
        """Of each service that the stack has, its gRPC address."""
        return {name: f"{HOST}:{self.ports[name]}" for name in SERVICES if name in self.ports}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def metrics(self) -> dict[str, str]:
        """Of each process that has one, the address of its Prometheus /metrics."""
        suffix = ".metrics"
        return {
            name.removesuffix(suffix): f"{HOST}:{port}" for name, port in self.ports.items() if name.endswith(suffix)
        }

    @computed_field  # type: ignore[prop-decorator]
    @property
    def dashboard(self) -> str:
        """URL of Ray's dashboard and Jobs API; empty when the stack has no Ray."""
        return f"http://{HOST}:{self.ports['ray']}" if "ray" in self.ports else ""

    def save(self) -> None:
        """Writes home/state.json, readable by its owner only."""
        text = json.dumps(self.model_dump(), indent=2, default=_revealed)
        write_private(self.home / "state.json", text)

    @classmethod
    def load(cls, home: Path) -> "StackState":
        """Raises FailedPrecondition when no stack is up in `home`, DataLoss when its state file cannot be read."""
        path = home / "state.json"
        if not path.exists():
            raise FailedPrecondition(f"no local stack is up in {home}; start it with `synthoscope up`")
        return _validated(cls, path)


def _validated(kind: type[Model], path: Path) -> Model:
    try:
        return kind.model_validate_json(path.read_text())
    except (ValidationError, OSError) as error:
        raise DataLoss(f"{path} cannot be read; remove it after `synthoscope down`") from error


def _revealed(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
