"""Where Ray is, and what one job may take of it."""

import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from synthoscope.classifier.pretrained.catalogue import RELEASES
from synthoscope.datasets.cache import MOST_BYTES, PixelCache
from synthoscope.jobs.redis import RedisSettings
from synthoscope.objects import ObjectStoreSettings
from synthoscope.settings import EnvironmentSettings


class RaySettings(BaseModel):
    """The Ray cluster. CPUs and GPUs are Ray's logical ones, fractions allowed.

    Defaults fit two cores on which serving (0.25 CPU), one training and one study run side by side.
    """

    model_config = ConfigDict(frozen=True)

    dashboard_url: str = "http://127.0.0.1:8265"
    max_running_jobs: int = Field(default=1, ge=1)
    """Jobs that one service hands to Ray at a time; later ones wait in their order."""
    worker_cpus: float = Field(default=0.75, ge=0)
    worker_gpus: float = Field(default=0.0, ge=0)
    max_workers: int = Field(default=64, ge=1)
    """Workers that one training may ask for: the quota of CPUs, and of GPUs, is that many times a worker's."""
    worker_retries: int = Field(default=3, ge=0)
    """How often a training's workers are replaced, and a task is tried again, that were lost or ran out of memory."""
    worker_threads: int = Field(default=2, ge=1)
    """Threads of one worker. Another number gives other bits, so it is part of a run's record."""
    storage_bucket: str = "synthoscope-ray"
    """Ray's own state, which is pickled: nothing else may write there."""
    storage_access_key: str = ""
    """Who may write there; empty means as whom other objects are stored. Only Ray's own processes need to know it."""
    storage_secret_key: SecretStr = SecretStr("")


class ProgramSettings(EnvironmentSettings):
    """What a job's process reads from the environment that it inherits from Ray."""

    objects: ObjectStoreSettings
    redis: RedisSettings
    ray: RaySettings = RaySettings()
    cache_dir: Path = Path(tempfile.gettempdir()) / "synthoscope-cache"
    cache_bytes: int = Field(default=MOST_BYTES, ge=0)
    """Bound of the decoded images in `cache_dir`; those in use may go beyond it."""
    weights_url: str = RELEASES
    """Where ImageNet's weights are downloaded from when the store's cache lacks them: there, or a mirror of it."""

    @property
    def ray_storage(self) -> ObjectStoreSettings:
        """The bucket for Ray's own state, on the server of all objects."""
        ray = self.ray
        return self.objects.other_bucket(ray.storage_bucket, ray.storage_access_key, ray.storage_secret_key)

    @property
    def cache(self) -> PixelCache:
        """This node's decoded images."""
        return PixelCache(self.cache_dir, self.cache_bytes)
