"""What a stack will consist of: which processes, on which ports, with which secrets; and the files that they read."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import SecretStr, ValidationError

from synthoscope.jobs import connection
from synthoscope.jobs.connection import RedisSettings
from synthoscope.local import ports, probes
from synthoscope.local.environment import External, RayStorage
from synthoscope.local.home import make_private, runtime_folder, stack_id, write_private
from synthoscope.local.ports import HOST
from synthoscope.local.processes import PROCESSES, Process
from synthoscope.local.state import Secrets, StackState
from synthoscope.objects import ObjectStoreSettings
from synthoscope.rpc.errors import InvalidInput


def external() -> External:
    """The servers that the environment names. Raises InvalidInput when it names one incompletely."""
    try:
        return External()
    except ValidationError as error:
        wrong = [
            f"SYNTHOSCOPE_{'__'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise InvalidInput("environment", "; ".join(wrong)) from error


def wanted(only: Collection[str] | None) -> tuple[Process, ...]:
    """The processes to run: all, or those in `only`; not the servers that run elsewhere. Raises InvalidInput."""
    known = {process.name for process in PROCESSES}
    if unknown := sorted(set(only or ()) - known):
        raise InvalidInput("only", f"no process is called {unknown[0]!r}; known are {', '.join(sorted(known))}")
    given = external()
    elsewhere = {name for name, settings in (("seaweedfs", given.objects), ("valkey", given.redis)) if settings}
    names = (known if only is None else set(only)) - elsewhere
    return tuple(process for process in PROCESSES if process.name in names)


def check_external() -> None:
    """Asks the external servers, if any, and makes the buckets. Raises Unavailable or PermissionDenied."""
    given = external()
    if given.objects:
        probes.objects_answer(given.objects)
        probes.objects_answer(given.ray.storage(given.objects))
    if given.redis:
        connection.ping(given.redis)


def state_for(home: Path, processes: Collection[Process], pinned: Mapping[str, int]) -> StackState:
    """Chooses ports and secrets. Raises what `ports.assign` raises."""
    secrets = Secrets.of(home)
    numbers = ports.assign([name for process in processes for name in process.ports], pinned)
    given = external()
    objects = given.objects or ObjectStoreSettings(
        endpoint=f"{HOST}:{numbers.get('seaweedfs', 0)}",
        access_key=secrets.object_access_key,
        secret_key=SecretStr(secrets.object_secret_key),
    )
    own = RayStorage(storage_access_key=secrets.ray_access_key, storage_secret_key=SecretStr(secrets.ray_secret_key))
    redis = given.redis or RedisSettings(
        host=HOST, port=numbers.get("valkey", 0), password=SecretStr(secrets.redis_password)
    )
    return StackState(
        stack=stack_id(home),
        home=home,
        runtime=runtime_folder(home),
        processes=tuple(process.name for process in processes),
        ports=numbers,
        token=secrets.token,
        ray_token=secrets.ray_token,
        supervisor_password=secrets.supervisor_password,
        pseudonym_key=given.pseudonym_key or SecretStr(secrets.pseudonym_key),
        objects=objects,
        ray_storage=(given.ray if given.objects else own).storage(objects),
        redis=redis,
    )


def write_files(state: StackState) -> None:
    """Writes state.json and the tokens file, which holds the token's SHA-256 only, and makes the runtime folder."""
    make_private(state.runtime)
    entry = {
        "sha256": hashlib.sha256(state.token.encode()).hexdigest(),
        "tenant": "default",
        "subject": "local",
        "roles": ["admin"],
    }
    write_private(state.home / "tokens.json", json.dumps({"tokens": [entry]}, indent=2))
    state.save()
