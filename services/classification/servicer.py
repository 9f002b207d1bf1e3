"""DiagnosisService: the public edge. It decodes, preprocesses and batches; the model itself runs elsewhere."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import grpc
import numpy as np
from numpy.typing import NDArray
from prometheus_client import Histogram

from services.classification.batching import BatchingSettings, MicroBatcher
from synthoscope import models, names
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1 import classification_service_pb2_grpc
from synthoscope.api.classification.v1.classification_pb2 import ClassProbability, Diagnosis
from synthoscope.api.explanation.v1.explanation_pb2 import ExplanationMethod
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.reliability.operating_point import decide, operating_point_of
from synthoscope.images.decoders import AcceptedImage
from synthoscope.images.decoding import DICOM
from synthoscope.images.intake import Intake
from synthoscope.images.storage import image_identity, image_ref, load_image_bytes
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput
from synthoscope.saliency.request import Explanations, explanation_name

STAGE_SECONDS = Histogram(
    "synthoscope_diagnosis_stage_seconds",
    "Time that a stage of a diagnosis takes.",
    ("stage",),
    buckets=(0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4, 8, 16, 32),
)
_MODEL_VERSIONS_KNOWN = 256
_GRAD_CAM = ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


class Predictor(Protocol):
    """The model, wherever it runs."""

    async def predict(self, model_version: str, images: Sequence[Pixels]) -> Sequence[Probabilities]:
        """Class probabilities, float32 C, of each image, uint8 S×S×3. Raises SynthoscopeErrors."""


class DiagnosisServicer(classification_service_pb2_grpc.DiagnosisServiceServicer):
    """Diagnoses images, and keeps what was diagnosed."""

    def __init__(
        self,
        intake: Intake,
        explanations: Explanations,
        predictor: Predictor,
        batching: BatchingSettings | None = None,
        decode_threads: int | None = None,
    ) -> None:
        self._intake, objects = intake, intake.objects
        self._objects = objects
        self._explanations = explanations
        self._records = Records(objects, Diagnosis)
        self._models = ClassifierVersions(objects)
        self._batcher = MicroBatcher(predictor.predict, batching or BatchingSettings())
        self._threads = ThreadPoolExecutor(decode_threads or os.cpu_count() or 1, "decode")

    async def Diagnose(self, request: messages.DiagnoseRequest, context: grpc.ServicerContext) -> Diagnosis:
        """Diagnoses one image. Raises what the contract says; what is wrong is found before anything is stored."""
        arrived = time.time_ns()
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        field = request.WhichOneof("image")
        if field is None:
            raise InvalidInput("image", "is missing: send its bytes in data or its name in image_name")
        self._batcher.check_room()
        with _stage("resolve"):
            model = await asyncio.to_thread(self._models.get, request.model_version)
        with _stage("read"):
            data = request.data if field == "data" else await asyncio.to_thread(self._stored_bytes, request.image_name)
        with _stage("decode"):
            accepted, square = await self._decoded(tenant, request, data, model)
        probabilities, image = await _both(self._predict(model, square), self._keep(tenant, request, data, accepted))
        diagnosis = _diagnosis(tenant, model, probabilities, image, arrived, explain=request.explain)
        if accepted.identity:
            diagnosis.imaging_study_uid = accepted.identity.imaging_study_uid
            diagnosis.sop_instance_uid = accepted.identity.sop_instance_uid
        with _stage("record"):
            await asyncio.to_thread(self._record, diagnosis)
        return diagnosis

    def GetDiagnosis(self, request: messages.GetDiagnosisRequest, context: grpc.ServicerContext) -> Diagnosis:
        """Returns a diagnosis. Raises InvalidInput, NotFound."""
        names.DIAGNOSIS.parse(request.name)
        return self._records.get(request.name)

    def ListDiagnoses(
        self, request: messages.ListDiagnosesRequest, context: grpc.ServicerContext
    ) -> messages.ListDiagnosesResponse:
        """Lists a tenant's diagnoses by name, which is by time. Raises InvalidInput."""
        names.TENANT.parse(request.parent, "parent")
        page = self._records.page(f"{request.parent}/diagnoses", request.page_size, request.page_token)
        return messages.ListDiagnosesResponse(diagnoses=page.records, next_page_token=page.next_page_token)

    def _stored_bytes(self, image_name: str) -> bytes:
        return load_image_bytes(self._objects, image_name, "image_name")

    async def _decoded(
        self, tenant: str, request: messages.DiagnoseRequest, data: bytes, model: ModelVersion
    ) -> tuple[AcceptedImage, Pixels]:
        def work() -> tuple[AcceptedImage, Pixels]:
            image = self._stored(request.image_name, data) if request.image_name else self._sent(tenant, data)
            if image.facts.frames > 1:
                field = request.WhichOneof("image")
                raise InvalidInput(f"{field}", f"has {image.facts.frames} frames; send an image of one frame")
            return image, pipeline_of(model).apply(image.pixels).pixels

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _sent(self, tenant: str, data: bytes) -> AcceptedImage:
        return self._intake.accept(tenant, data, "data", pixels=True)

    def _stored(self, image_name: str, data: bytes) -> AcceptedImage:
        decoded = self._intake.decoders.decode(data, "image_name")
        identity = image_identity(self._objects, image_name) if decoded.facts.media_type == DICOM else None
        return AcceptedImage(data, decoded.facts, identity, decoded.pixels)

    async def _predict(self, model: ModelVersion, square: Pixels) -> Probabilities:
        with _stage("predict"):
            return await self._batcher.submit(model.name, square)

    async def _keep(
        self, tenant: str, request: messages.DiagnoseRequest, data: bytes, accepted: AcceptedImage
    ) -> ImageRef:
        """Stores what was accepted of the original, unless it is there."""
        with _stage("store"):
            if request.image_name:
                return await asyncio.to_thread(image_ref, self._objects, request.image_name, "image_name")
            return await asyncio.to_thread(self._intake.keep, tenant, data, accepted)

    def _record(self, diagnosis: Diagnosis) -> None:
        """Stores a diagnosis; then, if one was asked for, its explanation's request."""
        self._records.create(diagnosis.name, diagnosis)
        if diagnosis.explanation:
            self._explanations.request(diagnosis, diagnosis.label, _GRAD_CAM)


class ClassifierVersions:
    """Classifier versions by name. They never change, so those seen are remembered.

    What `latest` and aliases stand for is looked up each time.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._known = lru_cache(_MODEL_VERSIONS_KNOWN)(lambda name: models.get(objects, name))

    def get(self, name: str) -> ModelVersion:
        """A classifier version. Raises InvalidInput or NotFound for the name, FailedPrecondition for another kind."""
        names.MODEL_VERSION.parse(name, "model_version")
        record = self._known(models.resolve(self._objects, name))
        if record.kind != ModelKind.MODEL_KIND_CLASSIFIER:
            raise FailedPrecondition(f"{record.name} is not a classifier: it gives no class probabilities")
        return record


def _diagnosis(
    tenant: str, model: ModelVersion, probabilities: Probabilities, image: ImageRef, arrived: int, *, explain: bool
) -> Diagnosis:
    """The record of a diagnosis that arrived at a time, in ns since 1970; its id sorts by that time."""
    label = model.classes[int(decide(probabilities[None], model.classes, operating_point_of(model))[0])]
    diagnosis = Diagnosis(
        name=names.DIAGNOSIS.format(tenant=tenant, diagnosis=f"{arrived // 1000:014x}-{secrets.token_hex(6)}"),
        label=label,
        probabilities=[
            ClassProbability(label=name, probability=float(value))
            for name, value in zip(model.classes, probabilities, strict=True)
        ],
        model_version=model.name,
        model_sha256=next((file.sha256 for file in model.files if file.path == "weights.safetensors"), ""),
        image=image,
    )
    diagnosis.create_time.FromNanoseconds(arrived)
    diagnosis.latency.FromNanoseconds(time.time_ns() - arrived)
    if explain:
        diagnosis.explanation = explanation_name(diagnosis.name, label, _GRAD_CAM)
    return diagnosis


async def _both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """The results of two coroutines that run side by side; when one raises, the other is cancelled."""
    tasks = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


@contextlib.contextmanager
def _stage(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    STAGE_SECONDS.labels(name).observe(time.perf_counter() - started)
