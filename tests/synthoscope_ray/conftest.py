"""A private Ray head with token authentication, whose jobs find the tests' stores in their environment."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from synthoscope.jobs.redis import RedisSettings
from synthoscope.local import ports
from synthoscope.objects import ObjectStoreSettings
from synthoscope_ray.settings import RaySettings

TOKEN = "0123456789abcdef" * 4
_PORTS = {
    "port": "gcs",
    "dashboard-port": "dashboard",
    "dashboard-agent-listen-port": "agent",
    "dashboard-agent-grpc-port": "agent-grpc",
    "runtime-env-agent-port": "runtime-env",
    "metrics-export-port": "metrics",
    "object-manager-port": "objects",
    "node-manager-port": "nodes",
    "ray-client-server-port": "client",
}


@pytest.fixture(scope="session")
def ray_settings(
    object_store_settings: ObjectStoreSettings,
    redis_settings: RedisSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RaySettings]:
    numbers = ports.assign(list(_PORTS.values()), {})
    folder = tempfile.mkdtemp(prefix="r-", dir="/tmp")
    environment = os.environ | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(Path(__file__).parent),
        "SYNTHOSCOPE_OBJECTS__ENDPOINT": object_store_settings.endpoint,
        "SYNTHOSCOPE_OBJECTS__ACCESS_KEY": object_store_settings.access_key,
        "SYNTHOSCOPE_OBJECTS__SECRET_KEY": object_store_settings.secret_key.get_secret_value(),
        "SYNTHOSCOPE_REDIS__PORT": str(redis_settings.port),
        "SYNTHOSCOPE_REDIS__PASSWORD": redis_settings.password.get_secret_value(),
    }
    options = {name: numbers[port] for name, port in _PORTS.items()} | {
        "node-ip-address": ports.HOST,
        "dashboard-host": ports.HOST,
        "num-cpus": 1,
        "object-store-memory": 100_000_000,
        "temp-dir": folder,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    log = tmp_path_factory.mktemp("ray") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *words],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    settings = RaySettings(dashboard_url=f"http://{ports.HOST}:{numbers['dashboard']}")
    try:
        _wait(settings, process, log)
        yield settings
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(settings: RaySettings, process: subprocess.Popen[bytes], log: Path) -> None:
    request = urllib.request.Request(
        f"{settings.dashboard_url}/api/jobs/", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            pass
        if time.monotonic() > deadline or process.poll() is not None:
            pytest.fail(f"Ray did not get ready: {log.read_text()[-3000:]}")
        time.sleep(0.2)
