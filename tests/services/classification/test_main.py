"""The classification service as a process, with the model on a real Ray Serve."""

import asyncio
import os
import signal
import time
import urllib.request

import grpc
import numpy as np
import psutil
import pytest
from PIL import Image

from synthoscope import models
from synthoscope.api.classification.v1.classification_service_pb2 import (
    DiagnoseImagingStudyRequest,
    DiagnoseRequest,
    GetDiagnosisRequest,
    GetImagingStudyDiagnosisRequest,
)
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.api.jobs.v1.jobs_service_pb2 import WatchJobRequest
from synthoscope.api.jobs.v1.jobs_service_pb2_grpc import JobServiceStub
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.prediction import load_classifier
from synthoscope.images.decoding import decode
from synthoscope.images.storage import encode_png, load_image_bytes, store_image
from synthoscope.local import sweep
from synthoscope.local.stack import running
from synthoscope.local.status import status
from synthoscope.models.weights import dump_weights
from synthoscope.objects import MinioObjectStore
from synthoscope.rpc.channel import open_channel

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

TENANT = "tenants/default"
CLASSES = ("glioma", "meningioma", "notumor")
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with running(
        tmp_path_factory.mktemp("stack"), only=("valkey", "seaweedfs", "ray", "classification"), seconds=300
    ) as state:
        yield state


@pytest.fixture(scope="module")
def objects(stack):
    return MinioObjectStore(stack.objects)


@pytest.fixture(scope="module")
def model(objects):
    return publish(objects, "cnn", seed=0)


@pytest.fixture(scope="module")
def stub(stack):
    with open_channel(stack.endpoints["classification"], stack.token) as channel:
        yield DiagnosisServiceStub(channel)


def publish(objects, name, seed):
    network = build_network("cnn-64", len(CLASSES), seed)
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, preset="cnn-64", image_size=64)
    files = {"weights.safetensors": dump_weights(network.state_dict())}
    return models.publish(objects, f"{TENANT}/models/{name}", record, files)


def picture(seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), np.uint8)
    return encode_png(np.array(Image.fromarray(coarse).resize((100, 80))))


@pytest.fixture(scope="module")
def classifier(objects, model):
    return load_classifier(objects, model.name)


def expected(classifier, data):
    return classifier.predict(classifier.pipeline.apply(decode(data).pixels).pixels[None])[0]


def ask(stub, model, data, seconds=60.0):
    request = DiagnoseRequest(parent=TENANT, model_version=model.name, data=data)
    return stub.Diagnose(request, timeout=seconds)


def status_of(stub, model, data):
    with pytest.raises(grpc.RpcError) as error:
        ask(stub, model, data)
    return error.value.code().name, error.value.details()


def pid_of(stack, name):
    return next(process.pid for process in status(stack.home) if process.name == name)


def replicas(stack):
    members = sweep.members({sweep.STACK_VARIABLE: stack.stack})
    return {process.pid for process in members if process.name().startswith("ray::ServeRepli")}


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def answers(stub, model):
    try:
        return bool(ask(stub, model, picture(0), seconds=10).name)
    except grpc.RpcError as error:
        if error.code().name not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            raise
        return False


def metric(stack, name):
    with urllib.request.urlopen(f"http://{stack.metrics['classification']}/metrics") as page:
        return sum(float(line.split()[-1]) for line in page.read().decode().splitlines() if line.startswith(name))


def model_is_up(stack):
    """What the service's readiness knows of its replicas."""
    return metric(stack, 'synthoscope_dependency_up{dependency="model"}') == 1


def test_a_diagnosis_is_what_the_model_says_directly(stub, model, objects, classifier):
    data = picture(1)
    diagnosis = ask(stub, model, data)
    probabilities = [entry.probability for entry in diagnosis.probabilities]
    assert probabilities == pytest.approx(expected(classifier, data), abs=1e-6)
    assert diagnosis.label == CLASSES[int(np.argmax(probabilities))]
    assert load_image_bytes(objects, diagnosis.image.name) == data


def test_a_study_is_diagnosed_by_a_job(stack, stub, model, objects, classifier):
    files = [picture(seed) for seed in range(40)]
    images = [store_image(objects, "default", data).name for data in files]
    request = DiagnoseImagingStudyRequest(parent=TENANT, images=images, model_version=model.name)
    job = stub.DiagnoseImagingStudy(request, timeout=30)
    with open_channel(stack.endpoints["classification"], stack.token) as channel:
        *_, last = JobServiceStub(channel).WatchJob(WatchJobRequest(name=job.name), timeout=200)
    assert (last.job.state, last.job.error.message) == (JobState.JOB_STATE_SUCCEEDED, "")
    study = stub.GetImagingStudyDiagnosis(GetImagingStudyDiagnosisRequest(name=last.job.result), timeout=30)
    assert [outcome.image for outcome in study.images] == images
    assert sum(study.label_counts.values()) == 40
    diagnosis = stub.GetDiagnosis(GetDiagnosisRequest(name=study.images[39].diagnosis), timeout=30)
    assert [entry.probability for entry in diagnosis.probabilities] == pytest.approx(
        expected(classifier, files[39]).tolist(), abs=1e-4
    )


def test_concurrent_requests_are_batched_and_each_gets_its_own_answer(stack, model, classifier):
    calls, images = (
        metric(stack, f'synthoscope_diagnosis_batch_size_{part}{{stage="predict"') for part in ("count", "sum")
    )
    pictures = [picture(seed) for seed in range(64)]

    async def ask_all():
        async with grpc.aio.insecure_channel(stack.endpoints["classification"]) as channel:
            token = (("authorization", f"Bearer {stack.token}"),)
            diagnose = DiagnosisServiceStub(channel).Diagnose
            requests = [DiagnoseRequest(parent=TENANT, model_version=model.name, data=data) for data in pictures]
            return await asyncio.gather(*(diagnose(request, metadata=token, timeout=60) for request in requests))

    made = asyncio.run(ask_all())
    for diagnosis, data in zip(made, pictures, strict=True):
        probabilities = [entry.probability for entry in diagnosis.probabilities]
        assert probabilities == pytest.approx(expected(classifier, data), abs=1e-6)
    assert metric(stack, 'synthoscope_diagnosis_batch_size_sum{stage="predict"') - images == 64
    assert metric(stack, 'synthoscope_diagnosis_batch_size_count{stage="predict"') - calls < 40


def test_what_the_replica_refuses_has_its_status_and_no_traceback(stub, objects, model):
    damaged = publish(objects, "damaged", seed=1)
    objects.put(f"{damaged.name}/weights.safetensors", b"other bytes")
    code, details = status_of(stub, damaged, picture(0))
    assert code == "DATA_LOSS"
    assert "weights.safetensors" in details
    assert "Traceback" not in details
    assert ask(stub, model, picture(0)).label


def test_wrong_models_are_refused_before_the_hop(stack, stub, objects):
    calls = metric(stack, 'synthoscope_diagnosis_batch_size_count{stage="predict"')
    gan = models.publish(objects, f"{TENANT}/models/gan", ModelVersion(kind=ModelKind.MODEL_KIND_GAN), {"w": b"w"})
    assert status_of(stub, gan, picture(0))[0] == "FAILED_PRECONDITION"
    unknown = ModelVersion(name=f"{TENANT}/models/none/versions/latest")
    assert status_of(stub, unknown, picture(0))[0] == "NOT_FOUND"
    assert metric(stack, 'synthoscope_diagnosis_batch_size_count{stage="predict"') == calls


def test_nothing_of_the_stack_listens_beyond_loopback(stack, stub, model):
    assert ask(stub, model, picture(0)).label
    assert replicas(stack)
    outside = [
        (process.name(), connection.laddr)
        for process in sweep.members({sweep.STACK_VARIABLE: stack.stack})
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.ip not in LOOPBACK
    ]
    assert outside == []


def test_a_killed_service_finds_the_replicas_as_they_were(stack, stub, model):
    before, killed = replicas(stack), pid_of(stack, "classification")
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: pid_of(stack, "classification") not in (0, killed))
    wait_for(lambda: answers(stub, model))
    assert replicas(stack) == before


def test_a_killed_replica_is_replaced(stack, stub, model):
    before = replicas(stack)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not model_is_up(stack))
    wait_for(lambda: answers(stub, model))
    assert not replicas(stack) & before
    wait_for(lambda: model_is_up(stack))


@pytest.mark.slow
def test_a_killed_cluster_comes_back_and_so_does_the_service(stack, stub, model):
    killed = pid_of(stack, "ray")
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: pid_of(stack, "ray") not in (0, killed))
    wait_for(lambda: answers(stub, model), seconds=300)
