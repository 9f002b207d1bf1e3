"""A private Ray head with token authentication, whose jobs find the tests' stores in their environment.

Tests of its jobs have a fixture `runner`, which says what module the jobs are.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from synthoscope.api.jobs.v1.jobs_service_pb2 import ListJobsRequest
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.reconciler import Limits, Reconciler
from synthoscope.jobs.redis import RedisJobStore, RedisSettings
from synthoscope.jobs.submission import Jobs
from synthoscope.local import ports
from synthoscope.objects import MinioObjectStore, ObjectStoreSettings
from synthoscope_ray.runner import RayJobRunner
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
def job_environment(object_store_settings: ObjectStoreSettings, redis_settings: RedisSettings) -> Mapping[str, str]:
    """Where a job's process finds the modules beside this one, and the tests' stores."""
    return os.environ | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(Path(__file__).parent),
        "SYNTHOSCOPE_OBJECTS__ENDPOINT": object_store_settings.endpoint,
        "SYNTHOSCOPE_OBJECTS__ACCESS_KEY": object_store_settings.access_key,
        "SYNTHOSCOPE_OBJECTS__SECRET_KEY": object_store_settings.secret_key.get_secret_value(),
        "SYNTHOSCOPE_REDIS__PORT": str(redis_settings.port),
        "SYNTHOSCOPE_REDIS__PASSWORD": redis_settings.password.get_secret_value(),
        "SYNTHOSCOPE_RAY__WORKER_RETRIES": "1",
    }


@pytest.fixture(scope="session")
def ray_settings(job_environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RaySettings]:
    numbers = ports.assign(list(_PORTS.values()), {})
    folder = tempfile.mkdtemp(prefix="r-", dir="/tmp")
    environment = {**job_environment, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
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


@pytest.fixture
def jobs(object_store_settings: ObjectStoreSettings, redis_settings: RedisSettings) -> Jobs:
    return Jobs(MinioObjectStore(object_store_settings), RedisJobStore(redis_settings))


@pytest.fixture
def submit(jobs: Jobs, runner: RayJobRunner) -> Iterator[Callable[..., str]]:
    """Submits a job of a fresh tenant; a reconciler looks after it until the test ends."""
    stop = threading.Event()
    kinds = {JobKind.STUDY, JobKind.GAN_TRAINING}
    reconciler = Reconciler(jobs, jobs.store, runner, kinds, 3, limits=Limits(status_seconds=0.5))

    def work() -> None:
        while not stop.wait(0.2):
            reconciler.step()

    def submit(how: str = "", kind: JobKind = JobKind.STUDY) -> str:
        return jobs.submit(f"t{uuid.uuid4().hex}", kind, ListJobsRequest(page_token=how), uuid.uuid4().hex).name

    thread = threading.Thread(target=work)
    thread.start()
    yield submit
    stop.set()
    thread.join()
