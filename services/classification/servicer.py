"""DiagnosisService: the public edge. It decodes, preprocesses and batches; the model itself runs elsewhere."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import Executor
from functools import cache, partial
from typing import Any, TypeVar

import grpc
import structlog
from prometheus_client import Histogram

from services.classification import listing
from services.classification.classifiers import Classifiers
from services.classification.diagnosing import check_frames, diagnosis_of
from services.classification.feedback import FeedbackBook
from services.classification.idempotency import RequestIds
from services.classification.imaging_studies import ImagingStudies
from services.classification.recording import Made, Recorder
from services.classification.traffic import Shadows, stood_in
from synthoscope import names
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1 import classification_service_pb2_grpc
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis, Feedback, StageTime
from synthoscope.api.classification.v1.classification_service_pb2 import ExplanationTiming as Timing
from synthoscope.api.explanation.v1.explanation_pb2 import ExplanationMethod
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.classifier.answering import Answer
from synthoscope.diagnoses import Diagnoses, new_name
from synthoscope.images.decoders import AcceptedImage
from synthoscope.images.decoding import DICOM
from synthoscope.images.intake import Intake
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.storage import image_identity, image_ref, load_image_bytes
from synthoscope.jobs.submission import Jobs
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.rpc.errors import (
    DataLoss,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    ResourceExhausted,
    SynthoscopeError,
    Unavailable,
)
from synthoscope.rpc.ordering import in_order
from synthoscope.saliency.request import Explanations, ended
from synthoscope.trail import Trail

STAGE_SECONDS = Histogram(
    "synthoscope_diagnosis_stage_seconds",
    "Time that a stage of a diagnosis takes.",
    ("stage",),
    buckets=(0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1, 2, 4, 8, 16, 32),
)
_stage_seconds = cache(STAGE_SECONDS.labels)
_STREAM_AHEAD = 64
"""Images of a stream that are diagnosed at the same time."""

_log = structlog.get_logger()
_LONGEST_WAIT = 60.0
_EXPLANATION_POLL = 0.1
"""Seconds."""

_GRAD_CAM = ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


class DiagnosisServicer(ImagingStudies, classification_service_pb2_grpc.DiagnosisServiceServicer):
    """Diagnoses images, and keeps what was diagnosed."""

    def __init__(
        self,
        intake: Intake,
        explanations: Explanations,
        classifiers: Classifiers,
        trail: Trail,
        threads: Executor,
        jobs: Jobs,
    ) -> None:
        super().__init__(intake.objects, jobs)
        self._intake = intake
        self._explanations = explanations
        self._diagnoses = Diagnoses(intake.objects)
        self._recorder = Recorder(intake.objects, trail)
        self._request_ids = RequestIds(intake.objects, intake.pseudonyms)
        self._feedback = FeedbackBook(intake.objects)
        self._classifiers = classifiers
        self._shadows, self._shadow_decoding = Shadows(), asyncio.Lock()
        self._threads = threads

    async def Diagnose(self, request: messages.DiagnoseRequest, context: grpc.ServicerContext) -> Diagnosis:
        """Diagnoses one image. Raises what the contract says; what is wrong is found before anything is stored."""
        return await self._diagnose(request, context)

    async def DiagnoseStream(
        self, requests: AsyncIterator[messages.DiagnoseStreamRequest], context: grpc.ServicerContext
    ) -> AsyncIterator[messages.DiagnoseStreamResponse]:
        """Diagnoses images as they come. Raises InvalidInput for a message that is none."""

        async def diagnose(item: messages.DiagnoseStreamRequest) -> messages.DiagnoseStreamResponse:
            try:
                return messages.DiagnoseStreamResponse(diagnosis=await self._patiently(item.request, context))
            except SynthoscopeError as error:
                wrong = messages.DiagnosisError(code=error.status.name, message=error.message)
                return messages.DiagnoseStreamResponse(error=wrong)

        async with contextlib.aclosing(in_order(requests, diagnose, _STREAM_AHEAD)) as responses:
            async for response in responses:
                yield response

    def GetDiagnosis(self, request: messages.GetDiagnosisRequest, context: grpc.ServicerContext) -> Diagnosis:
        """Returns a diagnosis. Raises InvalidInput, NotFound."""
        return self._diagnoses.get(request.name)

    def ListDiagnoses(
        self, request: messages.ListDiagnosesRequest, context: grpc.ServicerContext
    ) -> messages.ListDiagnosesResponse:
        """Lists a tenant's diagnoses by name, which is by time. Raises InvalidInput."""
        page = listing.page(self._objects, request)
        return messages.ListDiagnosesResponse(diagnoses=page.records, next_page_token=page.next_page_token)

    def GiveFeedback(self, request: messages.GiveFeedbackRequest, context: grpc.ServicerContext) -> Feedback:
        """Keeps what an image really shows. Raises InvalidInput, NotFound."""
        return self._feedback.give(request)

    def ListFeedback(
        self, request: messages.ListFeedbackRequest, context: grpc.ServicerContext
    ) -> messages.ListFeedbackResponse:
        """Lists a tenant's feedback. Raises InvalidInput."""
        page = self._feedback.page(request)
        return messages.ListFeedbackResponse(feedback=page.records, next_page_token=page.next_page_token)

    async def _patiently(self, request: messages.DiagnoseRequest, context: grpc.ServicerContext) -> Diagnosis:
        """A diagnosis, however long the queue is full: the stream's deadline ends the wait."""
        while True:
            try:
                return await self._diagnose(request, context)
            except ResourceExhausted as error:
                if not error.retry_after:  # the image takes too much, and will again
                    raise
                await asyncio.sleep(error.retry_after)

    async def _diagnose(self, request: messages.DiagnoseRequest, context: grpc.ServicerContext) -> Diagnosis:
        known = await asyncio.to_thread(self._known, request) if request.request_id else None
        if known is None:
            with self._classifiers.place():
                diagnosis = await self._new(request)
        else:
            diagnosis = known
            await self._recorder.repeat(known)
        if diagnosis.explanation:
            # Also of a known one: what the one who asked first did not come to, is done now.
            await asyncio.to_thread(self._ask_explanation, diagnosis)
        if request.explanation_timing == Timing.EXPLANATION_TIMING_BEFORE_ANSWER:
            await self._wait_for_explanation(diagnosis, context)
        return diagnosis

    async def _new(self, request: messages.DiagnoseRequest) -> Diagnosis:
        arrived = time.time_ns()
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        field = request.WhichOneof("image")
        if field is None:
            raise InvalidInput("image", "is missing: send its bytes in data or its name in image_name")
        stages = _Stages()
        with stages("resolve"):
            route = await self._classifiers.route(request.model_version)
        with stages("read"):
            data = request.data if field == "data" else await asyncio.to_thread(self._stored_bytes, request.image_name)
        asked = route.answering(data)
        with stages("decode"):
            accepted = await self._decoded(tenant, request, data, asked[0])
        name = ""
        if request.request_id:
            new = new_name(tenant, arrived // 1000)
            name = await asyncio.to_thread(self._request_ids.reserve, request, new)
        image: ImageRef | None = None
        answering = self._answered(asked, tenant, request, data, accepted, stages)
        if name or field == "image_name":
            (model, answer), image = await _both(answering, self._keep(tenant, request, data, accepted, stages))
        else:
            model, answer = await answering
        if candidate := route.shadowing(data):
            unseen = partial(self._unseen, candidate, model, tenant, request, data, accepted)
            self._shadows.compare(candidate, model, answer, unseen)
        diagnosis = diagnosis_of(arrived // 1000, model, answer, accepted.identity)
        if image is not None:
            diagnosis.image.CopyFrom(image)
        diagnosis.stage_times.extend(stages.times)
        diagnosis.latency.FromNanoseconds(time.time_ns() - arrived)
        made = Made(diagnosis, None if image else accepted, _explained(request, answer))
        with stages("record"):
            return await (self._recorder.record_as(name, made) if name else self._recorder.record(tenant, made))

    def _known(self, request: messages.DiagnoseRequest) -> Diagnosis | None:
        """The diagnosis that this request made before."""
        name = self._request_ids.find(request)
        try:
            return self._diagnoses.get(name) if name else None
        except NotFound:  # the one who asked first has not made it yet, or never will
            return None

    async def _wait_for_explanation(self, diagnosis: Diagnosis, context: grpc.ServicerContext) -> None:
        """For at most half of the time that the call has left."""
        deadline = time.monotonic() + min(context.time_remaining() or _LONGEST_WAIT, _LONGEST_WAIT) / 2
        while diagnosis.explanation and time.monotonic() < deadline:
            with contextlib.suppress(NotFound):  # it could not be asked for
                if ended(await asyncio.to_thread(self._explanations.get, diagnosis.explanation)):
                    return
            await asyncio.sleep(_EXPLANATION_POLL)

    def _stored_bytes(self, image_name: str) -> bytes:
        return load_image_bytes(self._objects, image_name, "image_name")

    async def _decoded(
        self, tenant: str, request: messages.DiagnoseRequest, data: bytes, model: ModelVersion
    ) -> AcceptedImage:
        """The image, its pixels as the model sees them."""
        pipeline = pipeline_of(model)

        def work() -> AcceptedImage:
            if request.image_name:
                image = self._stored(request.image_name, data, pipeline)
            else:
                image = self._intake.accept(tenant, data, "data", pipeline=pipeline)
            check_frames(image.facts, "image_name" if request.image_name else "data")
            return image

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _stored(self, image_name: str, data: bytes, pipeline: Pipeline) -> AcceptedImage:
        decoded = self._intake.decoders.decode(data, "image_name", pipeline=pipeline)
        identity = image_identity(self._objects, image_name) if decoded.facts.media_type == DICOM else None
        return AcceptedImage(data, decoded.facts, identity, decoded.pixels)

    async def _answered(
        self,
        asked: Sequence[ModelVersion],
        tenant: str,
        request: messages.DiagnoseRequest,
        data: bytes,
        accepted: AcceptedImage,
        stages: "_Stages",
    ) -> tuple[ModelVersion, Answer]:
        """The answer of the first who can give one."""
        model, *others = asked
        try:
            with stages("predict"):
                return model, await self._classifiers.answer(model, accepted.pixels)
        except (NotFound, FailedPrecondition, DataLoss, Unavailable) as error:
            if not others:
                raise
            stood_in(model, error)
        accepted = await self._decoded(tenant, request, data, others[0])
        return await self._answered(others, tenant, request, data, accepted, stages)

    async def _unseen(
        self,
        candidate: ModelVersion,
        model: ModelVersion,
        tenant: str,
        request: messages.DiagnoseRequest,
        data: bytes,
        accepted: AcceptedImage,
    ) -> Answer:
        """What a candidate says of an image that `model` has answered."""
        self._classifiers.check_idle()
        if pipeline_of(candidate) != pipeline_of(model):
            async with self._shadow_decoding:  # decoders are few, and others wait for them
                accepted = await self._decoded(tenant, request, data, candidate)
        return await self._classifiers.answer_unseen(candidate, accepted.pixels)

    async def _keep(
        self, tenant: str, request: messages.DiagnoseRequest, data: bytes, accepted: AcceptedImage, stages: "_Stages"
    ) -> ImageRef:
        """Stores what was accepted of the original, unless it is there."""
        with stages("store"):
            if request.image_name:
                return await asyncio.to_thread(image_ref, self._objects, request.image_name, "image_name")
            return await asyncio.to_thread(self._intake.keep, tenant, data, accepted)

    def _ask_explanation(self, diagnosis: Diagnosis) -> None:
        """Asks for the explanation that goes with a diagnosis. One that cannot be had now costs no diagnosis."""
        try:
            self._explanations.request(diagnosis, method=_GRAD_CAM)
        except (ResourceExhausted, Unavailable) as error:
            _log.warning("an explanation could not be asked for", diagnosis=diagnosis.name, reason=error.message)


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
        _stage_seconds(name).observe(taken / 1e9)
        stage = StageTime(stage=name)
        stage.duration.FromNanoseconds(taken)
        self.times.append(stage)


def _explained(request: messages.DiagnoseRequest, answer: Answer) -> bool:
    if request.explanation_timing == Timing.EXPLANATION_TIMING_IF_UNCERTAIN:
        return answer.uncertain
    return request.explain or request.explanation_timing != Timing.EXPLANATION_TIMING_UNSPECIFIED
