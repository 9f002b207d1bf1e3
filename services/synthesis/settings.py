"""What the synthesis service can be told, by SYNTHOSCOPE_* in the environment."""

from synthoscope.settings import ServiceSettings
from synthoscope_ray.settings import RaySettings


class Settings(ServiceSettings):
    """Everything the process needs."""

    ray: RaySettings = RaySettings()
