"""The classification edge on another host than the Ray head: docs/topology.md, tried.

Each host is a network, process and mount namespace: the edge sees neither the head's loopback nor its processes. Host
A has the Ray head, the object store and Valkey; host B a raylet without CPUs, and the edge.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from synthoscope.local.servers import SEAWEEDFS_PORTS, seaweedfs_command, valkey_command
from synthoscope.objects import ObjectStoreSettings
from synthoscope.rpc.testing import write_tokens


def missing():
    """Why this machine cannot make such hosts; empty when it can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "needs root on Linux, to make network namespaces"
    tools = [tool for tool in ("ip", "unshare", "nsenter") if shutil.which(tool) is None]
    if tools:
        return f"needs {', '.join(tools)} (Debian: iproute2, util-linux)"
    name = f"try-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "may not make network namespaces here"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

A, B = "10.231.77.1", "10.231.77.2"
GCS, S3, REDIS, EDGE = f"{A}:6379", f"{A}:8333", 6380, "127.0.0.1:50051"
TOKEN, ACCESS, SECRET, PASSWORD = (secrets.token_hex(16) for _ in range(4))

MAKE_BUCKET_AND_MODEL = """
import torch
from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.networks import build_network
from synthoscope.models.weights import dump_weights
from synthoscope.objects import MinioObjectStore, make_bucket
from services.classification.settings import ReplicaSettings

settings = ReplicaSettings().objects
make_bucket(settings)
record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=["a", "b"], preset="cnn-64", image_size=64)
weights = dump_weights(build_network("cnn-64", 2).state_dict())
models.publish(MinioObjectStore(settings), "tenants/default/models/cnn", record, {"weights.safetensors": weights})
print("published")
"""

DIAGNOSE = """
import sys
import numpy as np
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnoseRequest
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.images.storage import encode_png
from synthoscope.rpc.channel import open_channel

address, token = sys.argv[1:]
data = encode_png(np.full((32, 32), 100, np.uint8))
model = "tenants/default/models/cnn/versions/latest"
request = DiagnoseRequest(parent="tenants/default", data=data, model_version=model)
with open_channel(address, token) as channel:
    print(DiagnosisServiceStub(channel).Diagnose(request, timeout=60).label)
"""


@dataclass
class Host:
    """Namespaces that stand for a machine; `folder` holds the logs of what runs there."""

    name: str
    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen] = field(default_factory=list)

    def __enter__(self):
        ip("netns", "add", self.name)
        command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--", "sleep", "infinity"]
        self._init = subprocess.Popen(["ip", "netns", "exec", self.name, *command])
        wait_for(lambda: psutil.Process(self._init.pid).children(), 10)
        self._pid = psutil.Process(self._init.pid).children()[0].pid
        ip("-n", self.name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        self._init.kill()  # ends the namespace's first process, and with it all others there
        self._init.wait()
        for process in self.started:
            process.wait(30)
        ip("netns", "del", self.name)

    def start(self, log, *command, **environment):
        with (self.folder / f"{self.name}-{log}.log").open("wb") as file:
            process = subprocess.Popen(
                [*self._enter, *command],
                env={**self.environment, **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.started.append(process)
        return process

    def log(self, log):
        return (self.folder / f"{self.name}-{log}.log").read_text(errors="replace")

    def python(self, code, *arguments):
        """Runs code there; returns the last line that it prints. Raises AssertionError when it fails."""
        done = subprocess.run(
            [*self._enter, sys.executable, "-c", code, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1]

    def processes(self, name):
        """Those that run there and whose name starts so."""
        mine, found = os.readlink(f"/proc/{self._pid}/ns/net"), []
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(OSError):
                if process.info["name"].startswith(name) and os.readlink(f"/proc/{process.pid}/ns/net") == mine:
                    found.append(process)
        return found

    @property
    def _enter(self):
        return ["nsenter", "--target", str(self._pid), "--net", "--pid", "--mount", "--"]


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)
    return value


def succeeds(function):
    try:
        return function() or True
    except AssertionError:
        return False


@pytest.fixture
def hosts(tmp_path):
    mark = f"{os.getpid()}"
    environment = {
        **os.environ,
        "RAY_ADDRESS": GCS,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "SYNTHOSCOPE_OBJECTS__ENDPOINT": S3,
        "SYNTHOSCOPE_OBJECTS__ACCESS_KEY": ACCESS,
        "SYNTHOSCOPE_OBJECTS__SECRET_KEY": SECRET,
        "SYNTHOSCOPE_REDIS__HOST": A,
        "SYNTHOSCOPE_REDIS__PORT": str(REDIS),
        "SYNTHOSCOPE_REDIS__PASSWORD": PASSWORD,
        "SYNTHOSCOPE_PSEUDONYM_KEY": secrets.token_hex(32),
        "SYNTHOSCOPE_SERVER__PORT": EDGE.partition(":")[2],
        "SYNTHOSCOPE_SERVER__TOKENS_FILE": str(tmp_path / "tokens.json"),
        "no_proxy": "*",
    }
    write_tokens(tmp_path / "tokens.json", TOKEN)
    with Host(f"a{mark}", tmp_path, environment) as a, Host(f"b{mark}", tmp_path, environment) as b:
        ip("link", "add", f"va{mark}", "netns", a.name, "type", "veth", "peer", f"vb{mark}", "netns", b.name)
        for host, device, address in ((a, f"va{mark}", A), (b, f"vb{mark}", B)):
            ip("-n", host.name, "addr", "add", f"{address}/30", "dev", device)
            ip("-n", host.name, "link", "set", device, "up")
        yield a, b


@pytest.fixture
def runtime():
    """A short path for Ray's sockets, which may not have more than 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="r2-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start_stores(host, folder):
    ports = {"seaweedfs": 8333, **{name: 9300 + number for number, name in enumerate(SEAWEEDFS_PORTS)}}
    owner = ObjectStoreSettings(endpoint=S3, access_key=ACCESS, secret_key=SecretStr(SECRET))
    seaweedfs = seaweedfs_command(folder / "seaweedfs", ports, [owner])
    host.start("seaweedfs", *(word.replace("127.0.0.1", A) for word in seaweedfs))
    valkey = valkey_command(folder / "valkey", REDIS, PASSWORD)
    configuration = Path(valkey[-1])
    configuration.write_text(configuration.read_text().replace("bind 127.0.0.1", f"bind {A}"))
    host.start("valkey", *valkey)


def ray(*arguments):
    return [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *arguments]


def test_the_edge_needs_a_raylet_on_its_own_node_and_no_more(hosts, runtime, tmp_path):
    a, b = hosts
    start_stores(a, tmp_path)
    memory = "--object-store-memory=100000000"
    a.start("ray", *ray("--head", f"--node-ip-address={A}", "--num-cpus=2", memory, f"--temp-dir={runtime / 'a'}"))
    wait_for(lambda: succeeds(lambda: a.python(MAKE_BUCKET_AND_MODEL)), 120)
    wait_for(lambda: "Ray runtime started" in a.log("ray"), 180)

    reach = f"import socket; socket.create_connection(({A!r}, 6379), 5); print('reached')"
    assert b.python(reach) == "reached"
    edge = [sys.executable, "-m", "services.classification"]
    alone = b.start("edge-alone", *edge, SYNTHOSCOPE_SERVE__START_SECONDS="5")
    assert alone.wait(180) == 1
    assert "no Ray cluster to join on this node" in b.log("edge-alone")

    b.start(
        "ray",
        *ray(f"--address={GCS}", f"--node-ip-address={B}", "--num-cpus=0", memory, f"--temp-dir={runtime / 'b'}"),
    )
    wait_for(lambda: "Ray runtime started" in b.log("ray"), 180)
    serving = b.start("edge", *edge)
    wait_for(lambda: '"serving"' in b.log("edge") or serving.poll() is not None, 300)
    assert serving.poll() is None, b.log("edge")

    assert b.python(DIAGNOSE, EDGE, TOKEN) in ("a", "b")
    assert [len(host.processes("ray::ServeRepli")) for host in hosts] == [1, 0]

    b.processes("raylet")[0].kill()
    assert serving.wait(180) != 0  # so that the process manager starts it again
