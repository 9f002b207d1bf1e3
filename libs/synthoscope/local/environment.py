"""The environment that the processes of the stack get, and the one that the caller gives."""

import os
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, SecretStr

from synthoscope.jobs.connection import RedisSettings
from synthoscope.local.ports import HOST
from synthoscope.local.processes import PSEUDONYM_KEY, RAY_STORAGE_KEYS
from synthoscope.local.state import StackState
from synthoscope.local.sweep import STACK_VARIABLE
from synthoscope.objects import ObjectStoreSettings
from synthoscope.pseudonyms import PseudonymKey
from synthoscope.settings import EnvironmentSettings


class RayStorage(BaseModel):
    """Where Ray keeps its own state, and as whom: without keys, as the identity that stores all other objects."""

    model_config = ConfigDict(frozen=True)

    storage_bucket: str = "synthoscope-ray"
    storage_access_key: str = ""
    storage_secret_key: SecretStr = SecretStr("")

    def storage(self, objects: ObjectStoreSettings) -> ObjectStoreSettings:
        """That bucket, on the server of all objects."""
        return objects.other_bucket(self.storage_bucket, self.storage_access_key, self.storage_secret_key)


class External(EnvironmentSettings):
    """What the caller has already and the stack then does not make.

    Servers that run (SYNTHOSCOPE_OBJECTS__*, SYNTHOSCOPE_REDIS__*), and the key of the pseudonyms in what they hold
    (PSEUDONYM_KEY). SYNTHOSCOPE_RAY__STORAGE_* say where on that object store Ray keeps its state.
    """

    objects: ObjectStoreSettings | None = None
    redis: RedisSettings | None = None
    pseudonym_key: PseudonymKey | None = None
    ray: RayStorage = RayStorage()


def of_stack(state: StackState) -> dict[str, str]:
    """This process's environment with what all processes of the stack need; Ray's programs inherit it from the head."""
    local = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), HOST, "localhost"]))
    inherited = {name: value for name, value in os.environ.items() if name not in (PSEUDONYM_KEY, *RAY_STORAGE_KEYS)}
    return {
        **inherited,
        **dict(_flat("SYNTHOSCOPE_OBJECTS", state.objects)),
        **dict(_flat("SYNTHOSCOPE_REDIS", state.redis)),
        **_ray(state),
        STACK_VARIABLE: state.stack,
        "SYNTHOSCOPE_CACHE_DIR": str(state.home / "cache"),
        "SYNTHOSCOPE_SERVER__TOKENS_FILE": str(state.home / "tokens.json"),
        "NO_PROXY": local,
        "no_proxy": local,
        "PYTHONUNBUFFERED": "1",
        # Programs that rename themselves (Ray's workers) would else overwrite the environment by which they are found.
        "SPT_NOENV": "1",
    }


def _ray(state: StackState) -> Mapping[str, str]:
    if "ray" not in state.processes:
        return {}
    return {
        "SYNTHOSCOPE_RAY__DASHBOARD_URL": state.dashboard,
        "SYNTHOSCOPE_RAY__STORAGE_BUCKET": state.ray_storage.bucket,
        "RAY_ADDRESS": f"{HOST}:{state.ports['ray.gcs']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": state.ray_token,
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray otherwise replaces 127.0.0.1 by the machine's outer address and listens on all interfaces.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }


def _flat(prefix: str, settings: BaseModel) -> Iterator[tuple[str, str]]:
    for name, value in settings.model_dump().items():
        if value is not None:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            yield f"{prefix}__{name}".upper(), text
