"""What the explanation service and its worker can be told, by SYNTHOSCOPE_* in the environment."""

from pydantic import BaseModel, ConfigDict, Field

from synthoscope.settings import ServiceSettings


class WorkerSettings(BaseModel):
    """How a worker goes about its work; times are in seconds."""

    model_config = ConfigDict(frozen=True)

    lease_seconds: float = Field(default=30, gt=0)
    """An entry that a worker has held for longer is given to another one."""
    poll_seconds: float = Field(default=1, gt=0)
    """How long to wait for an entry before looking for those of dead workers and for the order to stop."""
    deliveries: int = Field(default=5, ge=1)
    """How often an entry is handed out; then its explanation fails."""
    models_kept: int = Field(default=4, ge=1)
    threads: int = Field(default=1, ge=1)
    """Threads of torch."""


class Settings(ServiceSettings):
    """Everything that the two processes need; of `server`, the worker uses where its metrics are."""

    worker: WorkerSettings = WorkerSettings()
