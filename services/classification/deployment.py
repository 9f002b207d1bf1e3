"""The model on Ray Serve: one call is one batch of preprocessed images for one model version."""

import asyncio
import hashlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import ray.util
from numpy.typing import NDArray
from ray import serve
from ray.serve._private import replica as serve_replica
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

import synthoscope
from services.classification import scaling
from services.classification.lines import LineServer, Place, Refusal
from services.classification.settings import ReplicaSettings, ServeSettings
from synthoscope import models
from synthoscope.classifier.answering import Answers
from synthoscope.classifier.serving import has_onnx, load_onnx
from synthoscope.objects import MinioObjectStore, ObjectStore
from synthoscope.rpc.errors import SynthoscopeError

if TYPE_CHECKING:
    from synthoscope.classifier.prediction import Classifier

APPLICATION = "classification"
_BIND = "add_port_to_grpc_server"
_SCALING_METRICS_SECONDS, _SCALING_LOOK_BACK_SECONDS = 1.0, 3.0


class Model(Protocol):
    """A loaded classifier, whatever computes it."""

    def answer(self, images: NDArray[np.uint8]) -> Answers:
        """The answers to images uint8 N×S×S×3."""


class ClassifierReplica:
    """Answers batches. Models are loaded from the object store when first asked for, and a few are kept."""

    def __init__(self, settings: ServeSettings, fingerprint: str, objects: ObjectStore | None = None) -> None:
        close_inner_server()
        self._fingerprint = fingerprint
        self._objects = objects or MinioObjectStore(ReplicaSettings().objects)  # type: ignore[call-arg]  # environment
        self._settings = settings
        self._models: OrderedDict[str, asyncio.Task[Model]] = OrderedDict()
        self._compute = ThreadPoolExecutor(1, "compute")
        self._lines = LineServer(self.answer, settings.calls_in_flight)
        # What Serve awaits before it ends the process. As a method of the class, Python would call it, too.
        setattr(self, "__del__", self._lines.close)  # noqa: B010

    async def fingerprint(self) -> str:
        """What `fingerprint` gave for the code and settings that this replica was made from."""
        return self._fingerprint

    async def place(self) -> Place:
        """Where batches are to be sent. Serve's own calls take long, and are for all else."""
        host = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
        return await self._lines.open(host, self._settings.line_ports)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What Serve scales by: it does not see the calls."""
        return {scaling.CALLS: float(self._lines.calls)}

    async def answer(self, model_version: str, images: NDArray[np.uint8]) -> Answers | Refusal:
        """The answers to images uint8 N×S×S×3; or why there are none."""
        try:
            model = await self._model(model_version)
            return await asyncio.get_running_loop().run_in_executor(self._compute, model.answer, images)
        except SynthoscopeError as error:
            return Refusal(type(error).__name__, error.message)

    async def load(self, model_version: str) -> Refusal | None:
        """Loads a version, unless it is there; or says why it cannot."""
        try:
            await self._model(model_version)
        except SynthoscopeError as error:
            return Refusal(type(error).__name__, error.message)
        return None

    async def forget(self, model_version: str) -> None:
        """Drops a version; it is loaded again when it is asked."""
        self._models.pop(model_version, None)

    async def _model(self, name: str) -> Model:
        """The model of a version. Loading has threads of its own: a store that hangs must not hold loaded models up."""
        if name not in self._models:
            load = asyncio.create_task(asyncio.to_thread(load_model, self._objects, name, self._settings))
            load.add_done_callback(lambda load: self._forget_failed(name, load))
            self._models[name] = load
        self._models.move_to_end(name)
        model = self._models[name]
        while len(self._models) > self._settings.models_kept:
            self._models.popitem(last=False)
        return await asyncio.shield(model)

    def _forget_failed(self, name: str, load: asyncio.Task[Model]) -> None:
        if (load.cancelled() or load.exception()) and self._models.get(name) is load:
            del self._models[name]


class TorchModel:
    """A classifier computed by torch, on so many threads: those are counted by the thread that computes."""

    def __init__(self, classifier: "Classifier", threads: int) -> None:
        self._classifier = classifier
        self._threads = threads

    def answer(self, images: NDArray[np.uint8]) -> Answers:
        """The answers to images uint8 N×S×S×3."""
        import torch

        torch.set_num_threads(self._threads)
        return self._classifier.answer(images)


def load_model(objects: ObjectStore, name: str, settings: ServeSettings) -> Model:
    """A model version by ONNX Runtime on the CPU; by torch on a GPU, and when it was not exported.

    Raises as `load_onnx` and `load_classifier`. Neither the edge, which imports this module, too, nor a replica on the
    CPU needs torch.
    """
    if not settings.gpus and has_onnx(models.get(objects, name)):
        return load_onnx(objects, name, settings.threads)
    import torch

    from synthoscope.classifier.prediction import load_classifier

    device = "cuda" if settings.gpus and torch.cuda.is_available() else "cpu"
    return TorchModel(load_classifier(objects, name, device), settings.threads)


def close_inner_server() -> None:
    """Keeps Serve from listening in this replica's process. Raises AttributeError for a Serve built in another way.

    Ray 2.60 gives each replica a gRPC server on all interfaces, which asks for no token and unpickles what it is sent:
    whoever reaches the port runs code. It is meant for calls between deployments by gRPC, which we do not make. It has
    no setting; it is started after the constructor, by this function of its module.
    """
    if not hasattr(serve_replica, _BIND):
        raise AttributeError("Serve binds its replicas' inner server in a way that is not known here")
    setattr(serve_replica, _BIND, lambda server, address: 0)


def fingerprint(settings: ServeSettings) -> str:
    """A digest of all that a deployment is made from: another one means that it must be deployed anew."""
    text = f"{synthoscope.__version__} {settings.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()


def _replicas(settings: ServeSettings) -> dict[str, Any]:
    if settings.most_replicas <= settings.replicas:
        return {"num_replicas": settings.replicas}
    config = AutoscalingConfig(
        min_replicas=settings.replicas,
        max_replicas=settings.most_replicas,
        initial_replicas=settings.replicas,
        target_ongoing_requests=settings.calls_per_replica,
        upscale_delay_s=settings.upscale_seconds,
        downscale_delay_s=settings.downscale_seconds,
        metrics_interval_s=_SCALING_METRICS_SECONDS,
        look_back_period_s=_SCALING_LOOK_BACK_SECONDS,
        policy=AutoscalingPolicy(policy_function=scaling.replicas_wanted),  # type: ignore[no-untyped-call]
    )
    return {"autoscaling_config": config}


def application(settings: ServeSettings) -> serve.Application:
    """The Serve application. The class stays undecorated, so that replicas import it and nothing of ours is pickled."""
    deployment: serve.Deployment = serve.deployment(  # type: ignore[assignment]  # Ray's overloads know decorators only
        ClassifierReplica,
        name="ClassifierReplica",
        ray_actor_options={"num_cpus": settings.cpus, "num_gpus": settings.gpus},
        graceful_shutdown_timeout_s=10,
        graceful_shutdown_wait_loop_s=0.5,
        health_check_period_s=5,
        health_check_timeout_s=15,
        **_replicas(settings),
    )
    return deployment.bind(settings, fingerprint(settings))
