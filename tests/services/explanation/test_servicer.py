import grpc
import pytest

from services.explanation.servicer import ExplanationServicer
from synthoscope.api.classification.v1.classification_pb2 import ClassProbability, Diagnosis
from synthoscope.api.explanation.v1 import explanation_service_pb2 as messages
from synthoscope.api.explanation.v1.explanation_pb2 import Explanation, ExplanationMethod
from synthoscope.api.explanation.v1.explanation_service_pb2_grpc import (
    ExplanationServiceStub,
    add_ExplanationServiceServicer_to_server,
)
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.jobs.v1.jobs_pb2 import JobError, JobState
from synthoscope.jobs.memory import InMemoryWorkQueue
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.saliency.request import Explanations

DIAGNOSIS = "tenants/default/diagnoses/d1"
GRAD_CAM = ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM


@pytest.fixture
def explanations():
    objects = InMemoryObjectStore()
    diagnosis = Diagnosis(
        name=DIAGNOSIS,
        label="glioma",
        probabilities=[ClassProbability(label="glioma", probability=0.75), ClassProbability(label="notumor")],
        model_version="tenants/default/models/cnn/versions/1",
        image=ImageRef(sha256="ab" * 32),
    )
    Records(objects, Diagnosis).put(DIAGNOSIS, diagnosis)
    return Explanations(objects, InMemoryWorkQueue(limit=3))


@pytest.fixture
def stub(explanations):
    registration = Registration(
        "synthoscope.api.explanation.v1.ExplanationService",
        add_ExplanationServiceServicer_to_server,
        ExplanationServicer(explanations),
    )
    with running_server([registration]) as server, open_channel(server.address, server.token) as channel:
        yield ExplanationServiceStub(channel)


def create(stub, label="", **fields):
    return stub.CreateExplanation(messages.CreateExplanationRequest(diagnosis=DIAGNOSIS, label=label, **fields))


def status_of(call, *arguments, **fields):
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **fields)
    return error.value.code().name, error.value.details()


def finish(explanations, name, state=JobState.JOB_STATE_SUCCEEDED, **fields):
    outcome = Explanation(**fields)
    outcome.MergeFrom(explanations.get(name))
    outcome.state = state
    assert explanations.finish(outcome)


def test_asking_stores_and_queues_and_asking_again_gives_the_same(stub, explanations):
    first = create(stub)
    assert (first.state, first.label, first.method) == (JobState.JOB_STATE_QUEUED, "glioma", GRAD_CAM)
    assert (first.model_version, first.image_sha256) == ("tenants/default/models/cnn/versions/1", "ab" * 32)
    assert create(stub, "glioma", method=GRAD_CAM) == first
    assert explanations.queue.depth() == 1
    assert explanations.queue.claim("w").payload == first.name
    assert create(stub, "notumor").name != first.name


def test_one_whose_entry_was_lost_is_queued_again(stub, explanations):
    lost = create(stub)
    explanations.queue.acknowledge(explanations.queue.claim("w"))
    create(stub)
    assert explanations.queue.depth() == 0  # too young to be taken for lost
    lost.create_time.seconds -= 61
    Records(explanations.objects, Explanation).put(lost.name, lost)
    create(stub)
    assert explanations.queue.claim("w").payload == lost.name


def test_bad_requests(stub):
    assert status_of(create, stub, "cat") == (
        "INVALID_ARGUMENT",
        "label: must be one of the model's classes: glioma, notumor",
    )
    assert status_of(create, stub, method=9)[0] == "INVALID_ARGUMENT"
    ask = stub.CreateExplanation
    for name, code in (
        ("tenants/default/diagnoses/none", "NOT_FOUND"),
        ("tenants/other/diagnoses/d1", "NOT_FOUND"),
        ("nonsense", "INVALID_ARGUMENT"),
        ("", "INVALID_ARGUMENT"),
    ):
        assert status_of(ask, messages.CreateExplanationRequest(diagnosis=name))[0] == code
    get = messages.GetExplanationRequest(name="tenants/default/explanations/none")
    assert status_of(stub.GetExplanation, get)[0] == "NOT_FOUND"


def test_a_full_queue_refuses(stub, explanations):
    for _ in range(3):
        explanations.queue.put("x")
    code, details = status_of(create, stub)
    assert code == "RESOURCE_EXHAUSTED"
    assert "queue is full" in details


def test_get_and_list_show_how_it_ended(stub, explanations):
    made, failed = create(stub), create(stub, "notumor")
    finish(explanations, made.name, logit=1.5)
    finish(explanations, failed.name, JobState.JOB_STATE_FAILED, error=JobError(code="DATA_LOSS", message="gone"))
    assert stub.GetExplanation(messages.GetExplanationRequest(name=made.name)).logit == 1.5
    page = stub.ListExplanations(messages.ListExplanationsRequest(parent="tenants/default", page_size=1))
    rest = stub.ListExplanations(
        messages.ListExplanationsRequest(parent="tenants/default", page_token=page.next_page_token)
    )
    listed = {entry.name: entry for entry in (*page.explanations, *rest.explanations)}
    assert len(page.explanations) == len(rest.explanations) == 1
    assert listed[made.name].state == JobState.JOB_STATE_SUCCEEDED
    assert listed[failed.name].error.code == "DATA_LOSS"


def test_an_explanation_that_ended_never_changes(stub, explanations):
    asked = create(stub)
    finish(explanations, asked.name, logit=1.5)
    late = explanations.get(asked.name)
    late.logit = 2.5
    assert explanations.finish(late) is False
    assert create(stub).logit == 1.5


def test_watch_shows_it_now_and_when_it_has_ended(stub, explanations):
    asked = create(stub)
    watch = stub.WatchExplanation(messages.WatchExplanationRequest(name=asked.name), timeout=10)
    assert next(watch).state == JobState.JOB_STATE_QUEUED
    finish(explanations, asked.name)
    assert [entry.state for entry in watch] == [JobState.JOB_STATE_SUCCEEDED]
    again = stub.WatchExplanation(messages.WatchExplanationRequest(name=asked.name), timeout=10)
    assert [entry.state for entry in again] == [JobState.JOB_STATE_SUCCEEDED]
    missing = stub.WatchExplanation(messages.WatchExplanationRequest(name="tenants/default/explanations/none"))
    assert status_of(next, missing)[0] == "NOT_FOUND"
