"""What all processes are told in the same way: by SYNTHOSCOPE_* in the environment."""

from pydantic_settings import BaseSettings, SettingsConfigDict

from synthoscope.jobs.connection import RedisSettings
from synthoscope.objects import ObjectStoreSettings
from synthoscope.rpc.settings import ServerSettings


class EnvironmentSettings(BaseSettings):
    """Settings of a process; a variable's name is the prefix and the path to the setting, joined by "__"."""

    model_config = SettingsConfigDict(env_prefix="SYNTHOSCOPE_", env_nested_delimiter="__", frozen=True, extra="ignore")


class ServiceSettings(EnvironmentSettings):
    """What every service needs: where it listens, and where the object store and Redis are."""

    server: ServerSettings
    objects: ObjectStoreSettings
    redis: RedisSettings
