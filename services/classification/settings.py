"""What the classification service can be told, by SYNTHOSCOPE_* in the environment."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.classification.batching import BatchingSettings
from services.classification.caching import CachingSettings
from synthoscope.images.decoders import DecodingSettings
from synthoscope.objects import ObjectStoreSettings
from synthoscope.pseudonyms import PseudonymKey
from synthoscope.settings import EnvironmentSettings, ServiceSettings
from synthoscope_ray.settings import RaySettings


class ServeSettings(BaseModel):
    """The model's deployment on Ray Serve. Ray itself is found by RAY_ADDRESS, and trusted by RAY_AUTH_TOKEN."""

    model_config = ConfigDict(frozen=True)

    replicas: int = Field(default=1, ge=1)
    """How many there are at least."""
    most_replicas: int = Field(default=0, ge=0)
    """How many there may be when calls wait for them; 0 means never more than `replicas`."""
    calls_per_replica: float = Field(default=1.0, gt=0)
    """Calls at a replica, waiting or computed, that it is there for: with more on average there will be more replicas.

    An edge has at most `batching.calls_in_flight` (2) at each, however many images wait. So from 2 on, several busy
    edges are needed to reach it.
    """
    upscale_seconds: float = Field(default=3, ge=0)
    """How long there must be too many calls before there are more replicas."""
    downscale_seconds: float = Field(default=60, ge=0)
    """How long there must be too few before there are fewer."""
    cpus: float = Field(default=0.25, ge=0)
    """Of Ray's CPUs, per replica: a share to plan with, not a limit."""
    gpus: float = Field(default=0, ge=0)
    threads: int = Field(default=1, ge=1)
    """Threads of torch, per replica."""
    models_kept: int = Field(default=4, ge=1)
    """Model versions that a replica holds; the least recently used one goes first."""
    calls_in_flight: int = Field(default=32, ge=1)
    """Batches that a replica has at once, of all edges; it computes one at a time, and refuses more."""
    first_line_port: int = Field(default=0, ge=0, le=65535)
    """Of those that replicas may listen at for batches, where a network lets only some through; 0: any free one."""
    last_line_port: int = Field(default=0, ge=0, le=65535)
    call_seconds: float = Field(default=30, gt=0)
    """How long one batch may take, loading the model included."""
    start_seconds: float = Field(default=300, gt=0)
    """How long to wait for Ray and the first replica before giving up."""
    probe_seconds: float = Field(default=5, gt=0)
    """Pause between two looks at whether the cluster is there, and how long each may take."""

    @property
    def line_ports(self) -> range:
        """Those that replicas may listen at; 0 stands for any free one."""
        return range(self.first_line_port, max(self.first_line_port, self.last_line_port) + 1)

    @model_validator(mode="after")
    def _check_ports(self) -> Self:
        if self.last_line_port and not 0 < self.first_line_port <= self.last_line_port:
            raise ValueError("first_line_port must be set where last_line_port is, and must not be above it")
        return self

    @model_validator(mode="after")
    def _check_replicas(self) -> Self:
        if self.most_replicas and self.most_replicas < self.replicas:
            raise ValueError(f"most_replicas must be 0 or at least replicas, which is {self.replicas}")
        return self


class Settings(ServiceSettings):
    """Everything the process needs."""

    pseudonym_key: PseudonymKey
    decoding: DecodingSettings = DecodingSettings()
    refuse_identifiers: bool = False
    """Whether DICOM files that say whom they are of are refused instead of de-identified."""
    batching: BatchingSettings = BatchingSettings()
    caching: CachingSettings = CachingSettings()
    serve: ServeSettings = ServeSettings()
    ray: RaySettings = RaySettings()
    """Where the jobs of imaging studies run."""
    decode_threads: int = Field(default=2, ge=1)
    follow_seconds: float = Field(default=1.0, ge=0, le=2)
    """How long what `latest` or an alias stands for is taken to be the same."""


class ReplicaSettings(EnvironmentSettings):
    """What a replica needs; its environment is that of the Ray node it runs on."""

    objects: ObjectStoreSettings
