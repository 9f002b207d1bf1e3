"""Bad input against the real stack: the right status, nothing stored, nothing restarted, nobody named.

The whole list, by its numbers, is in tests/services/classification/test_reliability.py.
"""

import json
from collections.abc import Iterator
from functools import partial
from urllib.request import urlopen

import grpc
import pytest
from bad_input import canary, dicom_images, pictures
from bad_input.revealing import everything, revealed
from diagnosis_edge import wait_for

from synthoscope.api.classification.v1.classification_service_pb2 import (
    DiagnoseImagingStudyRequest,
    DiagnoseRequest,
    GiveFeedbackRequest,
)
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.api.training.v1.training_pb2 import GanTrainingConfig
from synthoscope.client import Client, ClientSettings
from synthoscope.jobs.connection import connect
from synthoscope.local.status import status
from synthoscope.objects import MinioObjectStore
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import InvalidInput, NotFound, Unauthenticated
from synthoscope.trail import PREFIX

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

TENANT = "tenants/default"


@pytest.fixture(autouse=True)
def nothing_restarts(stack):
    pids = {process.name: process.pid for process in status(stack.home)}
    yield
    assert {process.name: process.pid for process in status(stack.home)} == pids


@pytest.fixture
def nothing_is_stored(stack, client):
    objects = MinioObjectStore(stack.objects)
    keys = {info.key for info in objects.list("tenants/")}
    yield
    assert {info.key for info in objects.list("tenants/")} == keys


@pytest.fixture(scope="module")
def edge(stack) -> Iterator[DiagnosisServiceStub]:
    with open_channel(stack.endpoints["classification"], stack.token) as channel:
        yield DiagnosisServiceStub(channel)


@pytest.mark.parametrize("service", ["training", "synthesis", "classification", "explanation", "tuning"])
def test_every_service_puts_denied_calls_on_the_trail(stack, service):
    objects = MinioObjectStore(stack.objects)
    before = {info.key for info in objects.list(PREFIX)}
    call = {
        "training": "jobs.v1.JobService/ListJobs",
        "synthesis": "synthesis.v1.SynthesisService/ListSyntheticSets",
        "classification": "classification.v1.DiagnosisService/ListDiagnoses",
        "explanation": "explanation.v1.ExplanationService/ListExplanations",
        "tuning": "tuning.v1.TuningService/ListStudies",
    }[service]
    with grpc.insecure_channel(stack.endpoints[service]) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/synthoscope.api.{call}")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED

    def found():
        links = [json.loads(objects.get(info.key)) for info in objects.list(PREFIX) if info.key not in before]
        return [(entry["action"], entry["outcome"]) for link in links for entry in link["entries"]]

    wait_for(lambda: (call.rpartition("/")[2], "UNAUTHENTICATED") in found())


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(bytes, "INVALID_ARGUMENT", id="1 empty"),
        pytest.param(pictures.truncated_jpeg, "INVALID_ARGUMENT", id="2 truncated"),
        pytest.param(partial(pictures.blank_png, 12_000), "RESOURCE_EXHAUSTED", id="4 PNG of 12000²"),
        pytest.param(pictures.polyglot, "INVALID_ARGUMENT", id="9 PNG and ZIP"),
        pytest.param(pictures.huffman_overflow, "INVALID_ARGUMENT", id="14 JPEG, Huffman table overflows"),
        pytest.param(dicom_images.inflating, "RESOURCE_EXHAUSTED", id="17 306 KB that inflate to 300 MB"),
        pytest.param(dicom_images.past_the_end, "INVALID_ARGUMENT", id="20 length past the end"),
        pytest.param(dicom_images.unknown_syntax, "UNIMPLEMENTED", id="21 unknown transfer syntax"),
        pytest.param(partial(canary.dicom, BurnedInAnnotation="YES"), "FAILED_PRECONDITION", id="27 burned in"),
        pytest.param(partial(bytes, 5 << 20), "RESOURCE_EXHAUSTED", id="33 5 MiB"),
    ],
)
def test_bad_images(stack, edge, model, make, code):
    with pytest.raises(grpc.RpcError) as caught:
        edge.Diagnose(DiagnoseRequest(parent=TENANT, model_version=model, data=make()), timeout=30)
    assert caught.value.code().name == code, caught.value.details()
    assert revealed(everything(caught.value), [process.pid for process in status(stack.home)]) == []


def test_a_patient_who_is_named_everywhere_is_named_nowhere(stack, client, edge, model):
    """In files that are taken and in one that is not, in ids of requests, and in what a clinician says."""
    data, name = canary.dicom(), canary.NAME
    asked = {"parent": TENANT, "model_version": model, "request_id": name}
    diagnosis = edge.Diagnose(DiagnoseRequest(data=data, explain=True, **asked), timeout=60)
    image = client.images.upload(pictures.jpeg()).name
    study = edge.DiagnoseImagingStudy(
        DiagnoseImagingStudyRequest(images=[diagnosis.image.name, image], **asked), timeout=60
    )
    refused = (
        partial(edge.Diagnose, DiagnoseRequest(data=dicom_images.past_the_end(), **asked)),
        partial(edge.GiveFeedback, GiveFeedbackRequest(diagnosis=diagnosis.name, label=name)),
    )
    for call in refused:
        with pytest.raises(grpc.RpcError) as caught:
            call(timeout=30, metadata=[("x-patient", name)])
        assert canary.found_in(everything(caught.value)) == []
    assert client.jobs.wait(study.name).result
    client.diagnoses.wait(diagnosis.explanation)
    for where, text in said(stack):
        assert canary.found_in(text) == [], where
    assert b"Zebra" not in client.images.download(diagnosis.image.name)


def said(stack) -> Iterator[tuple[str, bytes]]:
    """All that the stack logs, counts and keeps in Redis, and what its objects are called."""
    logs = [path for folder in (stack.home / "logs", stack.runtime) for path in folder.rglob("*.log")]
    assert any(b"DiagnosisService/Diagnose" in path.read_bytes() for path in logs)
    yield from ((str(path), path.read_bytes()) for path in logs)
    for process, address in stack.metrics.items():
        with urlopen(f"http://{address}/metrics", timeout=10) as page:
            yield process, page.read()
    for info in MinioObjectStore(stack.objects).list(""):
        yield "the object store", info.key.encode()
    redis = connect(stack.redis)
    keys = list(redis.scan_iter(count=1000))
    assert keys
    for key in keys:
        yield "Redis", key + repr(_value(redis, key)).encode()


def _value(redis, key: bytes) -> object:
    match redis.type(key):
        case b"string":
            return redis.get(key)
        case b"stream":
            return redis.xrange(key)
        case b"zset":
            return redis.zrange(key, 0, -1)
        case b"hash":
            return redis.hgetall(key)
        case b"set":
            return redis.smembers(key)
        case b"list":
            return redis.lrange(key, 0, -1)
        case other:
            raise AssertionError(f"{key!r} is a {other!r}")


@pytest.mark.usefixtures("nothing_is_stored")
def test_unknown_model(client):
    with pytest.raises(NotFound, match="nosuch"):
        client.diagnoses.diagnose(pictures.good_png(), "tenants/default/models/nosuch/versions/0123456789abcdef")


@pytest.mark.usefixtures("nothing_is_stored")
def test_unknown_dataset(client):
    with pytest.raises(NotFound, match="nosuch"):
        client.models.train_gan(
            "tenants/default/datasets/nosuch/versions/latest", "gan", GanTrainingConfig(preset="dcgan-64", epochs=1)
        )


@pytest.mark.usefixtures("nothing_is_stored")
def test_another_tenants_dataset_does_not_exist(client, dataset):
    with pytest.raises(NotFound):
        client.datasets.get(dataset.replace("tenants/default", "tenants/other"))


@pytest.mark.usefixtures("nothing_is_stored")
def test_negative_epochs(client, dataset):
    with pytest.raises(InvalidInput, match="epochs"):
        client.models.train_gan(dataset, "gan", GanTrainingConfig(preset="dcgan-64", epochs=-1))


@pytest.mark.usefixtures("nothing_is_stored")
def test_class_without_training_images(client, phantoms, tmp_path):
    for split, label in (("train", "a"), ("train", "b"), ("test", "c")):
        folder = tmp_path / split / label
        folder.mkdir(parents=True)
        image = next(phantoms.glob("train/glioma/*.png"))
        (folder / "1.png").write_bytes(image.read_bytes())
    with pytest.raises(InvalidInput, match="c"):
        client.datasets.import_source(tmp_path, "no-training-images")


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize("token", ["wrong", ""])
def test_wrong_and_missing_token(stack, token):
    settings = ClientSettings.find(stack.home).model_copy(
        update={"token": type(ClientSettings.find(stack.home).token)(token)}
    )
    with Client(settings) as stranger, pytest.raises(Unauthenticated):
        stranger.jobs.list()
