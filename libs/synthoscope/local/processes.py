"""The processes of the local stack, as data: how each is started, what it listens on, and when it is ready."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from synthoscope.jobs import connection
from synthoscope.local import probes, servers
from synthoscope.local.ports import HOST
from synthoscope.local.state import StackState

RAY_STORAGE_KEYS = ("SYNTHOSCOPE_RAY__STORAGE_ACCESS_KEY", "SYNTHOSCOPE_RAY__STORAGE_SECRET_KEY")
"""Only Ray and what it runs get them."""

PSEUDONYM_KEY = "SYNTHOSCOPE_PSEUDONYM_KEY"
"""Only the services that take identified images get it."""

_OBJECT_STORE_BYTES = 200_000_000
_CPUS = 2


def _no_environment(_: StackState) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Process:
    """One process. group: "stores", "ray" or "services"; they stop in the opposite order.

    ports: names of what it listens on, its main one first. after: the processes that must be ready before it starts.
    probe raises a SynthoscopeError while it is not ready. stop_seconds: from SIGTERM to SIGKILL; stop_group: SIGTERM
    goes to all that it has started.
    """

    name: str
    group: str
    ports: tuple[str, ...]
    command: Callable[[StackState], list[str]]
    probe: Callable[[StackState], None]
    environment: Callable[[StackState], Mapping[str, str]] = _no_environment
    after: tuple[str, ...] = ()
    stop_seconds: int = 10
    stop_group: bool = True


def _valkey(state: StackState) -> list[str]:
    # A process that writes a title over its environment could not be found by it.
    return [*servers.valkey(state), "--set-proc-title", "no"]


def _ray(state: StackState) -> list[str]:
    ports = state.ports
    options: dict[str, object] = {
        "node-ip-address": HOST,
        "port": ports["ray.gcs"],
        "dashboard-host": HOST,
        "dashboard-port": ports["ray"],
        "dashboard-agent-listen-port": ports["ray.agent"],
        "dashboard-agent-grpc-port": ports["ray.agent-grpc"],
        "runtime-env-agent-port": ports["ray.runtime-env"],
        "metrics-export-port": ports["ray.metrics"],
        "object-manager-port": ports["ray.objects"],
        "node-manager-port": ports["ray.nodes"],
        "ray-client-server-port": ports["ray.client"],
        "num-cpus": _CPUS,
        "object-store-memory": _OBJECT_STORE_BYTES,
        "temp-dir": state.runtime / "ray",  # Ray opens it to everyone, but not what it is in
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    return [
        sys.executable,
        "-m",
        "synthoscope.local.ray_head",
        "--head",
        "--block",
        "--disable-usage-stats",
        "--log-color=false",
        *words,
    ]


def _ray_environment(state: StackState) -> Mapping[str, str]:
    storage = state.ray_storage
    return {
        **dict(zip(RAY_STORAGE_KEYS, (storage.access_key, storage.secret_key.get_secret_value()), strict=True)),
        # One node has nowhere to move its work to, so draining it would only take time.
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "AUTOSCALER_METRIC_PORT": str(state.ports["ray.autoscaler-metrics"]),
        "DASHBOARD_METRIC_PORT": str(state.ports["ray.dashboard-metrics"]),
        # Torch's threads spin while they wait for each other, and collapse when serving and a study share the cores.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _service(
    name: str, *, after: tuple[str, ...] = ("valkey", "seaweedfs"), takes_identified_images: bool = False
) -> Process:
    def environment(state: StackState) -> Mapping[str, str]:
        key = {PSEUDONYM_KEY: state.pseudonym_key.get_secret_value()} if takes_identified_images else {}
        return {
            "SYNTHOSCOPE_SERVER__PORT": str(state.ports[name]),
            "SYNTHOSCOPE_SERVER__METRICS_PORT": str(state.ports[f"{name}.metrics"]),
            **key,
        }

    return Process(
        name=name,
        group="services",
        ports=(name, f"{name}.metrics"),
        command=lambda _: [sys.executable, "-m", f"services.{name}"],
        environment=environment,
        probe=lambda state: probes.grpc_serves(f"{HOST}:{state.ports[name]}"),
        after=after,
        stop_seconds=40,  # services drain for up to 30
    )


def _object_store_answers(state: StackState) -> None:
    probes.objects_answer(state.objects)
    probes.objects_answer(state.ray_storage)


PROCESSES = (
    Process(
        name="valkey",
        group="stores",
        ports=("valkey",),
        command=_valkey,
        probe=lambda state: connection.ping(state.redis),
    ),
    Process(
        name="seaweedfs",
        group="stores",
        ports=("seaweedfs", *servers.SEAWEEDFS_PORTS),
        command=servers.seaweedfs,
        probe=_object_store_answers,
        stop_seconds=servers.SEAWEEDFS_STOP_SECONDS,
    ),
    Process(
        name="ray",
        group="ray",
        ports=(
            "ray",
            "ray.gcs",
            "ray.agent",
            "ray.agent-grpc",
            "ray.runtime-env",
            "ray.metrics",
            "ray.objects",
            "ray.nodes",
            "ray.client",
            "ray.autoscaler-metrics",
            "ray.dashboard-metrics",
        ),
        command=_ray,
        environment=_ray_environment,
        probe=lambda state: probes.ray_answers(state.dashboard, state.ray_token),
        stop_seconds=15,
        stop_group=False,  # the head ends what it has started, in the right order
    ),
    _service("training", takes_identified_images=True),
    _service("synthesis"),
    _service("tuning"),
    _service("explanation"),
    Process(
        name="explanation-worker",
        group="services",
        ports=("explanation-worker.metrics",),
        command=lambda _: [sys.executable, "-m", "services.explanation.worker"],
        environment=lambda state: {
            "SYNTHOSCOPE_SERVER__METRICS_PORT": str(state.ports["explanation-worker.metrics"]),
        },
        probe=lambda state: probes.metrics_answer(state.metrics["explanation-worker"]),
        after=("valkey", "seaweedfs"),
        stop_seconds=40,
    ),
    _service("classification", after=("valkey", "seaweedfs", "ray"), takes_identified_images=True),
)
