"""What the tuning service can be told, by SYNTHOSCOPE_… variables."""

from synthoscope.settings import ServiceSettings
from synthoscope_ray.settings import RaySettings


class Settings(ServiceSettings):
    """Where it listens, and where the object store, Redis and Ray are."""

    ray: RaySettings = RaySettings()
