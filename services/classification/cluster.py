"""The way to the model: Serve says where its replicas are, and each is asked by a line of its own.

The process is a Ray driver and needs a raylet on its own node.
"""

import asyncio
import contextlib
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
from ray.serve.exceptions import DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ApplicationStatus

from services.classification.deployment import APPLICATION, application, fingerprint
from services.classification.lines import Lines, Place, Places, Refusal
from services.classification.settings import ServeSettings
from synthoscope.classifier.answering import Answer
from synthoscope.rpc.errors import (
    DataLoss,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
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
_LOOK_SECONDS = 2.0
"""Between two looks for replicas that have come or gone. One that goes is noticed when it is asked."""
_LONGEST_LOOK = 5.0

_log = structlog.get_logger()


class ServeClassifier:
    """Asks the model on Ray Serve."""

    def __init__(self, handle: DeploymentHandle[Any], settings: ServeSettings) -> None:
        self._handle = handle
        self._settings = settings
        self._lines = Lines(self._find, settings.call_seconds)

    @property
    def replicas(self) -> int:
        """How many answer side by side."""
        return max(1, len(self._lines))

    async def answer(self, model_version: str, images: Sequence[NDArray[np.uint8]]) -> Sequence[Answer]:
        """The answer to each image, uint8 S×S×3, from one call to one replica.

        When the replica dies, another one is asked: answering changes nothing. Raises what the model's loading raised;
        ResourceExhausted when the replica's queue is full; Unavailable when none answers in time.
        """
        try:
            async with asyncio.timeout(self._settings.call_seconds):
                answers = await self._lines.ask(model_version, np.stack(images))
        except TimeoutError:
            raise Unavailable(f"the model did not answer within {self._settings.call_seconds:g} s") from None
        if isinstance(answers, Refusal):
            raise _error(answers)
        return answers.each()

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

    def check(self) -> None:
        """Raises Unavailable when no replica is known. A busy one is no reason to send callers away."""
        if not len(self._lines):
            raise Unavailable("no replica of the model runs")

    async def follow(self, stop: asyncio.Event) -> None:
        """Keeps the lines to the replicas up to date until `stop` is set."""
        while not stop.is_set():
            await self._lines.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)

    async def _find(self) -> Places:
        """Where Serve's replicas listen.

        Those that are known stay when one does not answer in time; others are found when Serve has given it up.
        """
        try:
            asked = self._handle.broadcast("place")
            said = await asked.results_async(timeout_s=_LONGEST_LOOK, return_exceptions=True)
        except DeploymentUnavailableError:
            return Places(frozenset(), complete=True)
        except (TimeoutError, ray.exceptions.RayError, RayServeException) as error:
            _log.warning("Serve does not say where the replicas are", reason=type(error).__name__)
            return Places(frozenset(), complete=False)
        places = frozenset(answer for answer in said if isinstance(answer, Place))
        for silent in said:
            if isinstance(silent, BaseException):
                _log.warning("a replica does not say where it listens", reason=type(silent).__name__)
        return Places(places, complete=len(places) == len(said))

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
