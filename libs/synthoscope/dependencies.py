"""What services depend on, for their readiness."""

from functools import partial

from synthoscope.jobs.connection import RedisSettings, ping
from synthoscope.objects import ObjectStoreSettings, check_bucket
from synthoscope.rpc.readiness import Dependency


def object_store(settings: ObjectStoreSettings) -> Dependency:
    """The bucket where everything is kept."""
    return Dependency("object store", partial(check_bucket, settings))


def redis(settings: RedisSettings) -> Dependency:
    """Redis or Valkey."""
    return Dependency("redis", partial(ping, settings))
