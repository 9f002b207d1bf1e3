"""Whether a server of the stack is ready, by asking it. A probe returns if so and raises a SynthoscopeError if not."""

import json
import urllib.error
import urllib.request
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from synthoscope.objects import MinioObjectStore, ObjectStoreSettings, make_bucket
from synthoscope.rpc.errors import Unavailable

SECONDS = 2.0
_PROBE = "probe"


def objects_answer(settings: ObjectStoreSettings) -> None:
    """Makes the bucket if the object store lacks it, and stores and removes an object, all by signed requests."""
    impatient = settings.model_copy(update={"connect_timeout": SECONDS, "read_timeout": 5.0, "retries": 0})
    make_bucket(impatient)
    store = MinioObjectStore(impatient)
    store.put(_PROBE, b"ready")  # an empty object would not need a volume to be writable
    store.delete(_PROBE)


def ray_answers(dashboard: str, token: str) -> None:
    """Asks Ray's dashboard for its version, its jobs and its nodes, with the token; one node must be alive."""
    _get(f"{dashboard}/api/version", token)
    _get(f"{dashboard}/api/jobs/", token)
    nodes = _get(f"{dashboard}/nodes?view=summary", token)
    states = [node["raylet"].get("state") for node in nodes["data"]["summary"]]
    if "ALIVE" not in states:
        raise Unavailable("Ray has no live node yet")


def grpc_serves(endpoint: str) -> None:
    """Asks grpc.health.v1 Check at `host:port` for SERVING."""
    with grpc.insecure_channel(endpoint, options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=SECONDS)
        except grpc.RpcError as error:
            raise Unavailable(f"{endpoint} does not answer: {error.details()}") from error
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        name = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        raise Unavailable(f"{endpoint} answers {name}")


def metrics_answer(address: str) -> None:
    """Asks `host:port` for /metrics."""
    _open(urllib.request.Request(f"http://{address}/metrics"))


def _get(url: str, token: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    try:
        return json.loads(_open(request))
    except ValueError as error:
        raise Unavailable(f"{url} answers something that is not JSON") from error


def _open(request: urllib.request.Request) -> bytes:
    # Never by the proxy that the environment may name: these are loopback addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=SECONDS) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        with error:
            raise Unavailable(f"{request.full_url} answers HTTP {error.code}") from error
    except OSError as error:
        raise Unavailable(f"{request.full_url} does not answer: {error}") from error
