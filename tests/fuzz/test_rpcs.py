"""No bytes that a caller can send make a method of diagnosis, explanation or jobs fail in an unforeseen way."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import grpc
import numpy as np
import pytest
from fuzz import random_messages
from fuzz.good_messages import good_messages
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from seen_brightness import CLASSES, SeenBrightness

from services.classification.batching import BatchingSettings
from services.classification.classifiers import Classifiers
from services.classification.open_inference_servicer import InferenceServicer
from services.classification.servicer import DiagnosisServicer
from services.explanation.servicer import ExplanationServicer
from synthoscope import models
from synthoscope.api.classification.v1 import classification_service_pb2
from synthoscope.api.classification.v1.classification_pb2 import ClassProbability, Diagnosis
from synthoscope.api.classification.v1.classification_service_pb2_grpc import add_DiagnosisServiceServicer_to_server
from synthoscope.api.explanation.v1 import explanation_service_pb2
from synthoscope.api.explanation.v1.explanation_service_pb2_grpc import add_ExplanationServiceServicer_to_server
from synthoscope.api.images.v1 import images_service_pb2
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.api.inference.v2 import open_inference_service_pb2
from synthoscope.api.inference.v2.open_inference_service_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from synthoscope.api.jobs.v1 import jobs_service_pb2
from synthoscope.api.jobs.v1.jobs_service_pb2_grpc import add_JobServiceServicer_to_server
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.images.intake import Intake
from synthoscope.images.servicer import ImageServicer
from synthoscope.images.storage import encode_png, store_image
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore, InMemoryWorkQueue
from synthoscope.jobs.servicer import JobServicer
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.saliency.request import Explanations
from synthoscope.trail import Trail

TENANT = "tenants/default"
ADD = {
    classification_service_pb2: add_DiagnosisServiceServicer_to_server,
    images_service_pb2: add_ImageServiceServicer_to_server,
    open_inference_service_pb2: add_GRPCInferenceServiceServicer_to_server,
    explanation_service_pb2: add_ExplanationServiceServicer_to_server,
    jobs_service_pb2: add_JobServiceServicer_to_server,
}
SERVICES = {file: next(iter(file.DESCRIPTOR.services_by_name.values())) for file in ADD}
METHODS = [method for service in SERVICES.values() for method in service.methods]

UNFORESEEN = {"UNKNOWN", "INTERNAL"}
SECONDS = 2.0


@pytest.fixture(scope="module")
def edge(decoders, pseudonyms):
    objects = InMemoryObjectStore()
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=8)
    version = models.publish(objects, f"{TENANT}/models/cnn", record, {}).name
    png = encode_png(np.full((10, 20), 204, np.uint8))
    decoders.decode(png)  # they start, which may take longer than a call here may
    image = store_image(objects, "default", png).name
    diagnosis = f"{TENANT}/diagnoses/0001"
    probabilities = [ClassProbability(label=label, probability=0.5) for label in CLASSES]
    said = Diagnosis(name=diagnosis, label="dark", model_version=version, probabilities=probabilities)
    Records(objects, Diagnosis).create(diagnosis, said)
    intake = Intake(objects, pseudonyms, decoders)
    explanations = Explanations(objects, InMemoryWorkQueue(limit=10))
    batching = BatchingSettings(max_batch=8, max_queue=64)
    classifiers, trail = Classifiers(objects, SeenBrightness(objects), batching), Trail(objects)
    jobs = Jobs(objects, InMemoryJobStore())
    job = f"{TENANT}/jobs/0001"
    jobs.store.create(Job(job, JobKind.IMAGING_STUDY, JobState.QUEUED, datetime.now(UTC)))
    threads = ThreadPoolExecutor(2)
    servicers = {
        classification_service_pb2: DiagnosisServicer(intake, explanations, classifiers, trail, threads, jobs),
        images_service_pb2: ImageServicer(intake),
        open_inference_service_pb2: InferenceServicer(intake, classifiers, trail, lambda: None, threads),
        explanation_service_pb2: ExplanationServicer(explanations),
        jobs_service_pb2: JobServicer(jobs),
    }
    registrations = [Registration(SERVICES[file].full_name, ADD[file], servicers[file]) for file in ADD]
    named = [TENANT, version, f"{TENANT}/models/cnn/versions/latest", image, diagnosis, job, image.rpartition("/")[2]]
    texts = [*named, "cnn", "dark", "images", "files", "UINT8", "BYTES"]
    with running_server(registrations) as server:
        yield server, texts, [png, png[:40], bytes(192)], good_messages(version, image, diagnosis, png)


def requests(
    method: MethodDescriptor, count: int, texts: list[str], data: list[bytes], good: Sequence[Message]
) -> Iterator[list[bytes]]:
    """The messages of calls, one each or, of a stream, up to three; the same every time.

    Where good ones are known, half of the calls start from these.
    """
    chance = random.Random(method.full_name)
    for _ in range(count):
        sent, from_good = [], good and chance.random() < 0.5
        for index in range(chance.randint(0, 3) if method.client_streaming else 1):
            if from_good:
                message = random_messages.varied(good[index % len(good)], chance, texts, data)
            else:
                message = random_messages.random_message(method.input_type, chance, texts, data)
            whole = message.SerializeToString()
            sent.append(random_messages.changed(whole, chance) if chance.random() < 0.4 else whole)
        yield sent


CUT = "Internal error from Core"
"""What grpc.aio's client says, instead of the status, when a call ended while it was still writing: no server says it
(`set_internal_error` in the client)."""


async def send(channel: grpc.aio.Channel, method: MethodDescriptor, sent: list[bytes], token: str) -> str:
    """The status that a call ends with."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = (("authorization", f"Bearer {token}"),)
    try:
        if method.server_streaming:
            call = channel.stream_stream(path)(iter(sent), timeout=SECONDS, metadata=metadata)
            async for _ in call:
                pass
        else:
            await channel.stream_unary(path)(iter(sent), timeout=SECONDS, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return CUT if error.details() == CUT else error.code().name
    return "OK"


async def statuses(edge, method: MethodDescriptor, count: int) -> tuple[Counter[str], list[list[bytes]]]:
    """How calls ended, and the messages of those that ended in an unforeseen way."""
    server, texts, data, good = edge
    found: Counter[str] = Counter()
    wrong: list[list[bytes]] = []
    todo = requests(method, count, texts, data, good.get(method.name, ()))

    async def work(channel: grpc.aio.Channel) -> None:
        for sent in todo:
            status = await send(channel, method, sent, server.token)
            found[status] += 1
            if status in UNFORESEEN:
                wrong.append(sent)

    async with grpc.aio.insecure_channel(server.address) as channel:
        await asyncio.gather(*(work(channel) for _ in range(16)))
    return found, wrong


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_a_few_bytes_of_everything(edge, method):
    found, wrong = await statuses(edge, method, 100)
    assert wrong == [], found
    assert found.total() == 100
    assert found["OK"] or method.name not in edge[3], found


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_fifty_thousand_messages(edge, method, capsys):
    found, wrong = await statuses(edge, method, 50_000 // len(METHODS) + 1)
    with capsys.disabled():
        print(f"\n{method.full_name}: {dict(found)}")
    assert wrong == [], found


def test_most_methods_are_reached():
    names = {method.name for method in METHODS}
    assert {"Diagnose", "DiagnoseStream", "ModelInfer", "UploadImage", "CreateExplanation", "GiveFeedback"} <= names
