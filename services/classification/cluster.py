"""The way to the model: a Serve handle. Its process is a Ray driver and needs a raylet on its own node."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import ray
import ray.exceptions
import structlog
from numpy.typing import NDArray
from ray import serve
from ray.serve._private.common import ReplicaState
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ApplicationStatus

from services.classification.deployment import APPLICATION, Refusal, application, fingerprint
from services.classification.settings import ServeSettings
from synthoscope.classifier.answering import Answer, Answers
from synthoscope.rpc.errors import (
    DataLoss,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    SynthoscopeError,
    Unavailable,
)

T = TypeVar("T")

_REPLICA_GONE = (
    ray.exceptions.RayActorError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.LocalRayletDiedError,
    ray.exceptions.RpcError,
    DeploymentUnavailableError,
)
_REFUSALS: dict[str, type[SynthoscopeError]] = {
    kind.__name__: kind for kind in (NotFound, FailedPrecondition, DataLoss, PermissionDenied, Unavailable)
}
_BROKEN = (ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.DELETING, ApplicationStatus.NOT_STARTED)
_MISSES_BEFORE_GIVING_UP = 3

_log = structlog.get_logger()


class ServeClassifier:
    """Asks the model on Ray Serve."""

    def __init__(self, handle: DeploymentHandle[Any], settings: ServeSettings) -> None:
        self._handle = handle
        self._settings = settings
        self.replicas = settings.replicas

    async def answer(self, model_version: str, images: Sequence[NDArray[np.uint8]]) -> Sequence[Answer]:
        """The answer to each image, uint8 S×S×3, from one call to one replica.

        When the replica dies, another one is asked, once: answering changes nothing. Raises what the model's loading
        raised; ResourceExhausted when the replicas' queues are full; Unavailable when none answers in time.
        """
        batch = np.stack(images)
        try:
            try:
                answer = await self._call(model_version, batch)
            except _REPLICA_GONE as error:
                _log.warning("a replica is gone; asking another one", reason=type(error).__name__)
                answer = await self._call(model_version, batch)
        except BackPressureError:
            raise ResourceExhausted("the model's queue is full; try again later", retry_after=1.0) from None
        except TimeoutError:
            raise Unavailable(f"the model did not answer within {self._settings.call_seconds:g} s") from None
        except (*_REPLICA_GONE, RayServeException) as error:
            raise Unavailable("the model cannot be reached") from error
        if isinstance(answer, Refusal):
            raise _error(answer)
        return answer.each()

    async def load(self, model_version: str) -> None:
        """Has every replica load a version. Raises what its loading raises, Unavailable when a replica is gone."""
        await self._tell_all("load", model_version)

    async def forget(self, model_version: str) -> None:
        """Has every replica forget a version. Raises Unavailable when a replica is gone."""
        await self._tell_all("forget", model_version)

    async def _tell_all(self, method: str, model_version: str) -> None:
        try:
            said = await self._handle.broadcast(method, model_version).results_async(
                timeout_s=self._settings.call_seconds
            )
        except TimeoutError:
            raise Unavailable(f"a replica did not answer within {self._settings.call_seconds:g} s") from None
        except (ray.exceptions.RayError, RayServeException) as error:
            raise Unavailable("a replica of the model cannot be reached, or failed") from error
        for answer in said:
            if isinstance(answer, Refusal):
                raise _error(answer)

    async def _call(self, model_version: str, batch: NDArray[np.uint8]) -> Answers | Refusal:
        response = self._handle.answer.remote(model_version, batch)
        try:
            async with asyncio.timeout(self._settings.call_seconds):
                answer: Answers | Refusal = await response
                return answer
        except (asyncio.CancelledError, TimeoutError):
            response.cancel()  # type: ignore[no-untyped-call]
            raise

    def check(self) -> None:
        """Asks Serve, which looks after its replicas, how many run; a busy one is no reason to send callers away.

        Raises Unavailable when there is none.
        """
        try:
            found = serve.status().applications.get(APPLICATION)
        except (TimeoutError, *_REPLICA_GONE, RayServeException) as error:
            raise Unavailable("Ray Serve does not answer") from error
        deployments = found.deployments.values() if found else ()
        running = sum(deployment.replica_states.get(ReplicaState.RUNNING, 0) for deployment in deployments)
        if not running:
            raise Unavailable("no replica of the model runs")
        self.replicas = running

    async def watch(self, stop: asyncio.Event) -> None:
        """Looks after this node until `stop` is set. Raises Unavailable when it is no longer part of a live cluster.

        A driver cannot join a second cluster well: its process must end and be started anew.
        """
        node = ray.get_runtime_context().get_node_id()
        misses = 0
        while misses < _MISSES_BEFORE_GIVING_UP:
            try:
                await asyncio.wait_for(stop.wait(), self._settings.probe_seconds)
                return
            except TimeoutError:
                misses = 0 if await self._is_alive(node) else misses + 1
        raise Unavailable("the Ray cluster, or this node's part of it, has gone; this process ends, to be started anew")

    async def _is_alive(self, node: str) -> bool:
        try:
            nodes = await _within(self._settings.probe_seconds, ray.nodes)
        except (TimeoutError, ray.exceptions.RayError, RuntimeError, ConnectionError) as error:
            _log.warning("the Ray cluster does not answer", reason=type(error).__name__)
            return False
        alive = any(entry["NodeID"] == node and entry["Alive"] for entry in nodes)
        if not alive:
            _log.warning("Ray's process on this node is dead", node=node)
        return alive


def _error(refusal: Refusal) -> SynthoscopeError:
    return _REFUSALS.get(refusal.kind, Unavailable)(refusal.message)


def connect(settings: ServeSettings) -> ServeClassifier:
    """Joins the Ray cluster, deploys the application unless it is there already, and waits for a replica.

    A deployment of the same code and settings is left alone; another one is updated in place, without a gap. Raises
    Unavailable when there is no cluster or no replica within `start_seconds`.
    """
    deadline = time.monotonic() + settings.start_seconds
    _join(deadline)
    serve.start(proxy_location="Disabled")  # Serve's own HTTP and gRPC know no tokens
    if not _deployed():
        _deploy(settings)
    handle = serve.get_app_handle(APPLICATION)
    if _wait_for_replica(handle, deadline) != fingerprint(settings):
        _deploy(settings)
        _wait_for_replica(handle, deadline)
    _log.info("the model is ready", application=APPLICATION)
    return ServeClassifier(handle, settings)


def attach(settings: ServeSettings) -> ServeClassifier:
    """Asks the application that is deployed, from a driver of its cluster that deploys nothing.

    Raises Unavailable when there is none.
    """
    if not ray.is_initialized():
        ray.init(address="auto", namespace=APPLICATION, log_to_driver=False, logging_level=logging.WARNING)
    try:
        return ServeClassifier(serve.get_app_handle(APPLICATION), settings)
    except (*_REPLICA_GONE, RayServeException) as error:
        raise Unavailable("the model is not deployed") from error


def _join(deadline: float) -> None:
    """Becomes a driver of the cluster at RAY_ADDRESS; "auto" never starts a cluster of its own."""
    while True:
        try:
            ray.init(address="auto", namespace=APPLICATION, log_to_driver=False, logging_level=logging.WARNING)
            return
        except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as error:
            if time.monotonic() > deadline:
                raise Unavailable(f"no Ray cluster to join on this node: {_first_line(error)}") from error
            _log.warning("waiting for a Ray cluster on this node", reason=_first_line(error))
            time.sleep(1)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _deployed() -> bool:
    status = serve.status().applications.get(APPLICATION)
    return status is not None and status.status not in _BROKEN


def _deploy(settings: ServeSettings) -> None:
    _log.info("deploying the model", application=APPLICATION, replicas=settings.replicas, cpus=settings.cpus)
    # Serve's run would wait for the replicas without an end; run_many is its form that need not.
    serve.run_many(
        [serve.RunTarget(target=application(settings), name=APPLICATION, route_prefix=None)],
        wait_for_applications_running=False,
    )


def _wait_for_replica(handle: DeploymentHandle[Any], deadline: float) -> str:
    """The fingerprint of a replica, once there is one. Raises Unavailable after the deadline."""
    while True:
        try:
            return str(handle.fingerprint.remote().result(timeout_s=5))
        except (TimeoutError, *_REPLICA_GONE, RayServeException) as error:
            status = serve.status().applications.get(APPLICATION)
            reason = "; ".join(part.message for part in status.deployments.values()) if status else "not deployed"
            if time.monotonic() > deadline:
                raise Unavailable(f"no replica of the model came up: {reason}") from error
            _log.info("waiting for a replica of the model", reason=reason)


async def _within(seconds: float, function: Callable[[], T]) -> T:
    """The result of a blocking function that may never return, from a thread of its own. Raises TimeoutError."""
    executor = ThreadPoolExecutor(1, "probe")
    try:
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(executor, function), seconds)
    finally:
        executor.shutdown(wait=False)
