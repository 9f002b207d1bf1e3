"""DiagnosisService: the public edge. It decodes, preprocesses and batches; the model itself runs elsewhere."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import Executor
from typing import Any, TypeVar

import grpc
from prometheus_client import Histogram

from services.classification.classifiers import Classifiers, Pixels
from services.classification.diagnosing import diagnosis_of
from synthoscope import names
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1 import classification_service_pb2_grpc
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis, StageTime
from synthoscope.api.classification.v1.classification_service_pb2 import ExplanationTiming as Timing
from synthoscope.api.explanation.v1.explanation_pb2 import ExplanationMethod
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.classifier.answering import Answer
from synthoscope.images.decoders import AcceptedImage
from synthoscope.images.decoding import DICOM
from synthoscope.images.intake import Intake
from synthoscope.images.storage import image_identity, image_ref, load_image_bytes
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.records import Records
from synthoscope.rpc.errors import InvalidInput
from synthoscope.saliency.request import Explanations, ended, explained_label, explanation_name

STAGE_SECONDS = Histogram(
    "synthoscope_diagnosis_stage_seconds",
    "Time that a stage of a diagnosis takes.",
    ("stage",),
    buckets=(0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4, 8, 16, 32),
)
_LONGEST_WAIT = 60.0
_EXPLANATION_POLL = 0.1
"""Seconds."""

_GRAD_CAM = ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


class DiagnosisServicer(classification_service_pb2_grpc.DiagnosisServiceServicer):
    """Diagnoses images, and keeps what was diagnosed."""

    def __init__(self, intake: Intake, explanations: Explanations, classifiers: Classifiers, threads: Executor) -> None:
        self._intake, self._objects = intake, intake.objects
        self._explanations = explanations
        self._records = Records(intake.objects, Diagnosis)
        self._classifiers = classifiers
        self._threads = threads

    async def Diagnose(self, request: messages.DiagnoseRequest, context: grpc.ServicerContext) -> Diagnosis:
        """Diagnoses one image. Raises what the contract says; what is wrong is found before anything is stored."""
        arrived = time.time_ns()
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        field = request.WhichOneof("image")
        if field is None:
            raise InvalidInput("image", "is missing: send its bytes in data or its name in image_name")
        self._classifiers.check_room()
        stages = _Stages()
        with stages("resolve"):
            model = await asyncio.to_thread(self._classifiers.get, request.model_version)
        with stages("read"):
            data = request.data if field == "data" else await asyncio.to_thread(self._stored_bytes, request.image_name)
        with stages("decode"):
            accepted, square = await self._decoded(tenant, request, data, model)
        answering, keeping = self._answer(model, square, stages), self._keep(tenant, request, data, accepted, stages)
        answer, image = await _both(answering, keeping)
        diagnosis = diagnosis_of(tenant, model, answer, image, arrived)
        if accepted.identity:
            diagnosis.imaging_study_uid = accepted.identity.imaging_study_uid
            diagnosis.sop_instance_uid = accepted.identity.sop_instance_uid
        if _explained(request, answer):
            diagnosis.explanation = explanation_name(diagnosis.name, explained_label(diagnosis), _GRAD_CAM)
        diagnosis.stage_times.extend(stages.times)
        diagnosis.latency.FromNanoseconds(time.time_ns() - arrived)
        with stages("record"):
            await asyncio.to_thread(self._record, diagnosis)
        if request.explanation_timing == Timing.EXPLANATION_TIMING_BEFORE_ANSWER:
            await self._wait_for_explanation(diagnosis, context)
        return diagnosis

    async def _wait_for_explanation(self, diagnosis: Diagnosis, context: grpc.ServicerContext) -> None:
        """For at most half of the time that the call has left."""
        deadline = time.monotonic() + min(context.time_remaining() or _LONGEST_WAIT, _LONGEST_WAIT) / 2
        while time.monotonic() < deadline:
            if ended(await asyncio.to_thread(self._explanations.get, diagnosis.explanation)):
                return
            await asyncio.sleep(_EXPLANATION_POLL)

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

    async def _answer(self, model: ModelVersion, square: Pixels, stages: "_Stages") -> Answer:
        with stages("predict"):
            return await self._classifiers.answer(model, square)

    async def _keep(
        self, tenant: str, request: messages.DiagnoseRequest, data: bytes, accepted: AcceptedImage, stages: "_Stages"
    ) -> ImageRef:
        """Stores what was accepted of the original, unless it is there."""
        with stages("store"):
            if request.image_name:
                return await asyncio.to_thread(image_ref, self._objects, request.image_name, "image_name")
            return await asyncio.to_thread(self._intake.keep, tenant, data, accepted)

    def _record(self, diagnosis: Diagnosis) -> None:
        """Stores a diagnosis; then, if one was asked for, its explanation's request."""
        self._records.create(diagnosis.name, diagnosis)
        if diagnosis.explanation:
            self._explanations.request(diagnosis, method=_GRAD_CAM)


async def _both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """The results of two coroutines that run side by side; when one raises, the other is cancelled."""
    tasks = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


class _Stages:
    """How long the stages of one diagnosis take: counted for all diagnoses, and kept for this one."""

    def __init__(self) -> None:
        self.times: list[StageTime] = []

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.perf_counter_ns()
        yield
        taken = time.perf_counter_ns() - started
        STAGE_SECONDS.labels(name).observe(taken / 1e9)
        stage = StageTime(stage=name)
        stage.duration.FromNanoseconds(taken)
        self.times.append(stage)


def _explained(request: messages.DiagnoseRequest, answer: Answer) -> bool:
    if request.explanation_timing == Timing.EXPLANATION_TIMING_IF_UNCERTAIN:
        return answer.uncertain
    return request.explain or request.explanation_timing != Timing.EXPLANATION_TIMING_UNSPECIFIED
