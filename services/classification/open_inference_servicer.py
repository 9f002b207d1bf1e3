"""The Open Inference Protocol v2 (KServe's and Triton's gRPC service): classifiers asked by tensors."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

import grpc
import numpy as np
from numpy.typing import NDArray

import synthoscope
from services.classification import tensors
from services.classification.classifiers import Classifiers, Pixels
from services.classification.diagnosing import check_frames, label_of
from services.classification.trailing import inferred
from synthoscope import names
from synthoscope.api.inference.v2 import open_inference_service_pb2 as messages
from synthoscope.api.inference.v2 import open_inference_service_pb2_grpc
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.answering import Answer
from synthoscope.images.intake import Intake
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.records import Records
from synthoscope.rpc.auth import caller
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted, Unavailable
from synthoscope.trail import Trail

CHAMPION = "champion"
"""The alias that is asked where no version is named; the latest version where there is none."""

_MOST_IMAGES = 256
"""Of one call: all are held until the last one is answered."""

_IMAGES, _FILES = "images", "files"
_OUTPUTS = {"probabilities": "FP32", "label": "BYTES", "refused": "BOOL", "strangeness": "FP32"}
_SETS = "prediction_set"

Metadata = messages.ModelMetadataResponse.TensorMetadata


class InferenceServicer(open_inference_service_pb2_grpc.GRPCInferenceServiceServicer):
    """Answers as DiagnosisService does, and stores nothing."""

    def __init__(
        self,
        intake: Intake,
        classifiers: Classifiers,
        trail: Trail,
        check: Callable[[], None],
        threads: Executor,
    ) -> None:
        """`check` raises Unavailable while no model can be asked."""
        self._intake = intake
        self._classifiers = classifiers
        self._trail = trail
        self._check = check
        self._threads = threads
        self._records = Records(intake.objects, ModelVersion)

    async def ServerLive(
        self, request: messages.ServerLiveRequest, context: grpc.ServicerContext
    ) -> messages.ServerLiveResponse:
        """Says that the process answers."""
        return messages.ServerLiveResponse(live=True)

    def ServerReady(
        self, request: messages.ServerReadyRequest, context: grpc.ServicerContext
    ) -> messages.ServerReadyResponse:
        """Says whether a replica runs."""
        try:
            self._check()
        except Unavailable:
            return messages.ServerReadyResponse(ready=False)
        return messages.ServerReadyResponse(ready=True)

    def ModelReady(
        self, request: messages.ModelReadyRequest, context: grpc.ServicerContext
    ) -> messages.ModelReadyResponse:
        """Says whether there is such a classifier. Raises InvalidInput for what is no name."""
        try:
            self._version(request.name, request.version, "name")
        except (NotFound, FailedPrecondition):
            return messages.ModelReadyResponse(ready=False)
        return messages.ModelReadyResponse(ready=True)

    async def ServerMetadata(
        self, request: messages.ServerMetadataRequest, context: grpc.ServicerContext
    ) -> messages.ServerMetadataResponse:
        """Names this server."""
        return messages.ServerMetadataResponse(
            name="synthoscope", version=synthoscope.__version__, extensions=["model_repository"]
        )

    def ModelMetadata(
        self, request: messages.ModelMetadataRequest, context: grpc.ServicerContext
    ) -> messages.ModelMetadataResponse:
        """A classifier's inputs and outputs. Raises InvalidInput, NotFound, FailedPrecondition."""
        version = self._version(request.name, request.version, "name")
        side, classes = version.image_size, len(version.classes)
        shapes = {"probabilities": [-1, classes], _SETS: [-1, classes]}
        return messages.ModelMetadataResponse(
            name=request.name,
            versions=[_id_of(version)],
            platform="onnxruntime_onnx",
            inputs=[
                Metadata(name=_IMAGES, datatype="UINT8", shape=[-1, side, side, 3]),
                Metadata(name=_FILES, datatype="BYTES", shape=[-1]),
            ],
            outputs=[
                Metadata(name=name, datatype=datatype, shape=shapes.get(name, [-1]))
                for name, datatype in _outputs_of(version).items()
            ],
        )

    async def ModelInfer(
        self, request: messages.ModelInferRequest, context: grpc.ServicerContext
    ) -> messages.ModelInferResponse:
        """Asks a classifier. Raises what the contract says."""
        with self._classifiers.place():
            version = await self._followed(request.model_name, request.model_version)
            wanted = _wanted(request, version)
            images, digests = await asyncio.get_running_loop().run_in_executor(
                self._threads, self._images, request, version, caller().tenant
            )
            answers: list[Answer] = []
            at_once = self._classifiers.largest_batch
            with self._classifiers.more_places(max(0, min(len(images), at_once) - 1)):
                for at in range(0, len(images), at_once):
                    part = images[at : at + at_once]
                    answers += await asyncio.gather(*(self._classifiers.answer(version, image) for image in part))
        await asyncio.gather(*(self._trail.record(inferred(version, digest)) for digest in digests))
        return _response(request, version, answers, wanted)

    def RepositoryIndex(
        self, request: messages.RepositoryIndexRequest, context: grpc.ServicerContext
    ) -> messages.RepositoryIndexResponse:
        """Lists the tenant's classifiers."""
        prefix = f"{names.TENANT.format(tenant=caller().tenant)}/models"
        return messages.RepositoryIndexResponse(
            models=[
                messages.RepositoryIndexResponse.ModelIndex(
                    name=names.MODEL_VERSION.parse(version.name)["model"], version=_id_of(version), state="READY"
                )
                for version in self._records.all(prefix)
                if version.kind == ModelKind.MODEL_KIND_CLASSIFIER
            ]
        )

    async def RepositoryModelLoad(
        self, request: messages.RepositoryModelLoadRequest, context: grpc.ServicerContext
    ) -> messages.RepositoryModelLoadResponse:
        """Has all replicas load a classifier. Raises what its loading raises."""
        await self._classifiers.model.load((await self._named(request.model_name, request.parameters)).name)
        return messages.RepositoryModelLoadResponse()

    async def RepositoryModelUnload(
        self, request: messages.RepositoryModelUnloadRequest, context: grpc.ServicerContext
    ) -> messages.RepositoryModelUnloadResponse:
        """Has all replicas forget a classifier."""
        await self._classifiers.model.forget((await self._named(request.model_name, request.parameters)).name)
        return messages.RepositoryModelUnloadResponse()

    async def _named(self, model: str, parameters: Mapping[str, messages.ModelRepositoryParameter]) -> ModelVersion:
        if set(parameters) - {"version", "unload_dependents"}:
            raise InvalidInput("parameters", "may be version and unload_dependents, no others")
        wanted = parameters["version"].string_param if "version" in parameters else ""
        return await asyncio.to_thread(self._version, model, wanted, "model_name")

    async def _followed(self, model: str, version: str) -> ModelVersion:
        first, *others = _candidates(model, version, "model_name")
        try:
            return await self._classifiers.follow(first)
        except NotFound:
            if not others:
                raise
        return await self._classifiers.follow(others[0])

    def _version(self, model: str, version: str, field: str) -> ModelVersion:
        first, *others = _candidates(model, version, field)
        try:
            return self._classifiers.get(first)
        except NotFound:
            if not others:
                raise
        return self._classifiers.get(others[0])

    def _images(
        self, request: messages.ModelInferRequest, version: ModelVersion, tenant: str
    ) -> tuple[Sequence[Pixels], Sequence[str]]:
        """The images of a request, and the SHA-256 of what was sent for each."""
        if len(request.inputs) != 1 or request.inputs[0].name not in (_IMAGES, _FILES):
            raise InvalidInput("inputs", f"must be one tensor, {_IMAGES} or {_FILES}")
        values = tensors.read(request, 0)
        if values.ndim and len(values) > _MOST_IMAGES:
            raise ResourceExhausted(f"inputs[0]: {len(values)} images; send at most {_MOST_IMAGES} at once")
        if request.inputs[0].name == _FILES:
            decoded = [self._decoded(bytes(data), version, tenant) for data in _files(values)]
            return [pixels for pixels, _ in decoded], [digest for _, digest in decoded]
        images = list(_pixels(values, version.image_size))
        return images, [_digest(image.tobytes()) for image in images]

    def _decoded(self, data: bytes, version: ModelVersion, tenant: str) -> tuple[Pixels, str]:
        """A file's pixels, and the SHA-256 of what would be stored of it: of DICOM, what says whom it is of is out."""
        image = self._intake.accept(tenant, data, f"inputs[0].{_FILES}", pipeline=pipeline_of(version))
        check_frames(image.facts, f"inputs[0].{_FILES}")
        return image.pixels, _digest(image.data)


def _candidates(model: str, version: str, field: str) -> Sequence[str]:
    """The names of what may be meant, the first that is there: without a version the champion, then the latest."""
    names.check_id(model, field)
    parent = names.MODEL.format(tenant=caller().tenant, model=model)
    return [f"{parent}/versions/{item}" for item in ([version] if version else [CHAMPION, names.LATEST])]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _files(values: tensors.Tensor) -> tensors.Tensor:
    if values.dtype != object or values.ndim != 1:
        raise InvalidInput("inputs[0]", f"{_FILES} must be BYTES, of one dimension")
    return values


def _pixels(values: tensors.Tensor, side: int) -> NDArray[np.uint8]:
    if values.dtype == object or values.shape[1:] != (side, side, 3):
        raise InvalidInput("inputs[0]", f"{_IMAGES} must be UINT8 or FP32, N×{side}×{side}×3, not {list(values.shape)}")
    if values.dtype == np.float32:
        # Written as "is it within", so that NaN is refused as well.
        if not bool(((values >= 0) & (values <= 255)).all()):
            raise InvalidInput("inputs[0]", "must be grey levels in [0, 255]")
        return np.rint(values).astype(np.uint8)
    return values.astype(np.uint8)


def _outputs_of(version: ModelVersion) -> Mapping[str, str]:
    return _OUTPUTS | ({_SETS: "BOOL"} if version.reliability.HasField("conformal") else {})


def _wanted(request: messages.ModelInferRequest, version: ModelVersion) -> Sequence[str]:
    known = _outputs_of(version)
    for index, output in enumerate(request.outputs):
        if output.name not in known:
            raise InvalidInput(f"outputs[{index}].name", f"must be one of {', '.join(known)}")
    return [output.name for output in request.outputs] or list(known)


def _response(
    request: messages.ModelInferRequest, version: ModelVersion, answers: Sequence[Answer], wanted: Sequence[str]
) -> messages.ModelInferResponse:
    classes = len(version.classes)
    values: Mapping[str, Callable[[], tensors.Tensor]] = {
        "probabilities": lambda: np.array([item.probabilities for item in answers], np.float32).reshape(-1, classes),
        "label": lambda: tensors.texts([label_of(version, item) for item in answers]),
        "refused": lambda: np.array([item.refused for item in answers], bool),
        "strangeness": lambda: np.array([item.strangeness for item in answers], np.float32),
        _SETS: lambda: np.array([item.in_set for item in answers], bool).reshape(-1, classes),
    }
    response = messages.ModelInferResponse(model_name=request.model_name, model_version=_id_of(version), id=request.id)
    response.parameters["classes"].string_param = "|".join(version.classes)
    for name in wanted:
        datatype = _outputs_of(version)[name]
        tensors.write(response, name, datatype, values[name](), raw=bool(request.raw_input_contents))
    return response


def _id_of(version: ModelVersion) -> str:
    return names.MODEL_VERSION.parse(version.name)["version"]
