"""Asking again, asking for many, following names, finding what was said, and what is kept of it."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import dicoms
import grpc
import numpy as np
import pytest
from diagnosis_edge import TENANT, png, published, running_edge, wait_for
from google.protobuf.timestamp_pb2 import Timestamp
from seen_brightness import CLASSES

from synthoscope import models
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1.classification_service_pb2_grpc import (
    DiagnosisServiceStub,
)
from synthoscope.api.models.v1.models_pb2 import (
    ModelKind,
    ModelVersion,
    OutOfDistribution,
)
from synthoscope.models.promotion import promote, roll_back
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import Unavailable
from synthoscope.trail import Trail, entries, verify


@pytest.fixture
def platform(decoders, pseudonyms):
    with running_edge(decoders, pseudonyms) as edge:
        yield edge


def test_latest_is_followed(platform):
    latest = f"{TENANT}/models/cnn/versions/latest"
    assert platform.ask(png(1), latest).model_version == platform.classifier.name
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=16)
    newer = models.publish(platform.objects, f"{TENANT}/models/cnn", record, {"weights.safetensors": b"v"})
    wait_for(lambda: platform.ask(png(1), latest).model_version == newer.name)


def test_what_an_alias_stands_for_is_followed(platform):
    champion = f"{TENANT}/models/cnn/versions/champion"
    assert platform.refused(png(1), champion)[0] == "NOT_FOUND"
    promote(platform.objects, platform.classifier.name, "champion", [])
    assert platform.ask(png(1), champion).model_version == platform.classifier.name
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=8, preset="newer")
    newer = models.publish(platform.objects, f"{TENANT}/models/cnn", record, {})
    assert platform.ask(png(1), champion).model_version == platform.classifier.name
    promote(platform.objects, newer.name, "champion", [])
    wait_for(lambda: platform.ask(png(1), champion).model_version == newer.name)
    assert platform.model.told[-1] == ("load", newer.name)
    roll_back(platform.objects, f"{TENANT}/models/cnn/aliases/champion")
    wait_for(lambda: platform.ask(png(1), champion).model_version == platform.classifier.name)


def test_every_diagnosis_is_on_the_audit_trail_and_says_nothing_of_the_patient(platform):
    data = dicoms.dicom(np.full((10, 20), 204, np.uint8), WindowCenter="128", WindowWidth="256")
    made = [platform.ask(png(204)), platform.ask(data)]
    found = list(entries(platform.objects))
    assert [item.resource for item in found] == [diagnosis.name for diagnosis in made]
    assert [item.image_sha256 for item in found] == [diagnosis.image.sha256 for diagnosis in made]
    assert {(item.action, item.outcome, item.tenant, item.subject) for item in found} == {
        ("Diagnose", "OK", "default", "local")
    }
    assert {item.model_sha256 for item in found} == {platform.classifier.files[0].sha256}
    assert list(verify(platform.objects)) == []
    written = b"".join(platform.objects.get(info.key) for info in platform.objects.list("trail/"))
    assert not any(word in written for word in (b"Doe", b"bright", dicoms.STUDY.encode()))


def test_denied_calls_are_on_the_audit_trail(platform):
    foreign = messages.GetDiagnosisRequest(name="tenants/other/diagnoses/1")
    with pytest.raises(grpc.RpcError, match="no such resource"):
        platform.stub.GetDiagnosis(foreign, timeout=5)
    with open_channel(platform.server.address, "unknown") as channel, pytest.raises(grpc.RpcError):
        DiagnosisServiceStub(channel).GetDiagnosis(foreign, timeout=5)
    platform.ask(png(1))  # what is noted is stored with what comes after it
    found = [(item.action, item.outcome, item.subject) for item in entries(platform.objects)]
    assert found == [
        ("GetDiagnosis", "NOT_FOUND", "local"), ("GetDiagnosis", "UNAUTHENTICATED", ""), ("Diagnose", "OK", "local"),
    ]  # fmt: skip


def test_the_same_request_sent_again_gives_the_diagnosis_there_is(platform):
    first = platform.ask(png(204), request_id="mine")
    assert platform.ask(png(204), request_id="mine") == first
    assert len(platform.model.calls) == 1
    assert platform.ask(png(204), request_id="other").name != first.name
    assert platform.ask(png(204)).name != first.name
    with pytest.raises(grpc.RpcError, match="ALREADY_EXISTS"):
        platform.ask(png(10), request_id="mine")
    with pytest.raises(grpc.RpcError, match="128 printable"):
        platform.ask(png(10), request_id="a" * 129)


def test_a_request_sent_twice_at_the_same_time_is_one_diagnosis(platform):
    platform.model.go.clear()
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(platform.ask, png(204), request_id="mine") for _ in range(2)]
        time.sleep(0.3)
        platform.model.go.set()
        first, second = (one.result() for one in asked)
    assert first == second
    assert len(platform.stub.ListDiagnoses(messages.ListDiagnosesRequest(parent=TENANT)).diagnoses) == 1


def test_what_failed_beside_a_stored_diagnosis_is_made_up_for_when_it_is_sent_again(platform, monkeypatch):
    record = Trail.record

    async def away(trail, entry):
        await asyncio.sleep(0.3)  # the diagnosis is stored by then
        raise Unavailable("the audit trail cannot be stored")

    monkeypatch.setattr(Trail, "record", away)
    with pytest.raises(grpc.RpcError, match="audit trail"):
        platform.ask(png(204), request_id="mine", explain=True)
    wait_for(lambda: platform.stub.ListDiagnoses(messages.ListDiagnosesRequest(parent=TENANT)).diagnoses)
    monkeypatch.setattr(Trail, "record", record)
    diagnosis = platform.ask(png(204), request_id="mine", explain=True)
    assert [item.resource for item in entries(platform.objects)] == [diagnosis.name]
    assert platform.explanations.get(diagnosis.explanation).diagnosis == diagnosis.name


def test_explanations_that_cannot_be_asked_for_cost_no_diagnosis(platform):
    answers = list(stream(platform, [png(level) for level in range(8, 28)], explain=True))
    assert len({answer.diagnosis.name for answer in answers}) == 20
    assert platform.queue.depth() == 2
    made = platform.stub.ListDiagnoses(messages.ListDiagnosesRequest(parent=TENANT)).diagnoses
    assert len(made) == 20


def test_a_diagnosis_is_of_the_time_of_its_name(platform):
    platform.model.error = Unavailable("no replica")
    with pytest.raises(grpc.RpcError, match="no replica"):
        platform.ask(png(204), request_id="mine")
    platform.model.error = None
    later = platform.ask(png(10))
    first = platform.ask(png(204), request_id="mine")
    assert first.name < later.name
    assert first.create_time.ToNanoseconds() < later.create_time.ToNanoseconds()
    request = messages.ListDiagnosesRequest(parent=TENANT, end_time=later.create_time)
    assert list(platform.stub.ListDiagnoses(request).diagnoses) == [first]


def test_a_time_that_is_none_is_refused(platform):
    for field in ("start_time", "end_time"):
        request = messages.ListDiagnosesRequest(parent=TENANT, **{field: Timestamp(seconds=2**50)})
        with pytest.raises(grpc.RpcError, match=rf"{field}: must be between"):
            platform.stub.ListDiagnoses(request)


def test_a_request_that_failed_can_be_sent_again(platform):
    platform.model.error = Unavailable("no replica")
    with pytest.raises(grpc.RpcError, match="no replica"):
        platform.ask(png(204), request_id="mine")
    platform.model.error = None
    assert platform.ask(png(204), request_id="mine").label == "bright"


def stream(platform, images, **fields):
    requests = (
        messages.DiagnoseStreamRequest(
            request=messages.DiagnoseRequest(
                parent=TENANT, model_version=platform.classifier.name, data=image, **fields
            )
        )
        for image in images
    )
    return platform.stub.DiagnoseStream(requests, timeout=30)


def test_a_stream_is_answered_in_its_order_and_one_bad_image_is_its_own_answer(platform):
    levels = list(range(8, 208))
    images = [b"no image" if level == 50 else png(level) for level in levels]
    answers = list(stream(platform, images))
    assert len(answers) == 200  # the queue has four places
    for level, answer in zip(levels, answers, strict=True):
        if level == 50:
            assert answer.error.code == "INVALID_ARGUMENT"
            assert answer.error.message.startswith("data: ")
        else:
            assert answer.diagnosis.probabilities[1].probability == pytest.approx(level / 255, abs=1e-6)


def test_a_stream_reads_no_further_than_it_answers(platform):
    platform.model.go.clear()
    read = []

    def images():
        for level in range(400):
            read.append(level)
            yield png(level % 256, 1000, 1000)

    answers = stream(platform, images())
    time.sleep(1)
    assert len(read) < 300
    platform.model.go.set()
    assert len(list(answers)) == 400


def test_diagnoses_are_found_by_model_label_refusal_and_time(platform):
    careful = published(platform, out_of_distribution=OutOfDistribution(threshold=1.0))
    made = [platform.ask(png(level), model) for level, model in ((10, None), (200, None), (10, careful), (7, careful))]

    def found(**fields):
        request = messages.ListDiagnosesRequest(parent=TENANT, **fields)
        return [made.index(item) for item in platform.stub.ListDiagnoses(request).diagnoses]

    assert found() == [0, 1, 2, 3]
    assert found(model=f"{TENANT}/models/cnn") == [0, 1]
    assert found(model=careful) == [2, 3]
    assert found(label="dark") == [0, 2]
    assert found(refused=True) == [3]
    assert found(start_time=made[1].create_time, end_time=made[3].create_time) == [1, 2]
    assert found(label="dark", page_size=1) == [0]
    with pytest.raises(grpc.RpcError, match="must have the form"):
        found(model="cnn")
    pages, token = [], ""
    while True:
        request = messages.ListDiagnosesRequest(parent=TENANT, label="dark", page_size=1, page_token=token)
        answer = platform.stub.ListDiagnoses(request)
        pages += answer.diagnoses
        if not (token := answer.next_page_token):
            break
    assert [made.index(item) for item in pages] == [0, 2]


def test_ids_sort_by_time_and_lists_have_pages(platform):
    made = [platform.ask(png(level)).name for level in range(5)]
    assert made == sorted(made)
    first = platform.stub.ListDiagnoses(messages.ListDiagnosesRequest(parent=TENANT, page_size=3))
    rest = platform.stub.ListDiagnoses(
        messages.ListDiagnosesRequest(parent=TENANT, page_token=first.next_page_token, page_size=3)
    )
    assert [diagnosis.name for page in (first, rest) for diagnosis in page.diagnoses] == made
    assert rest.next_page_token == ""
