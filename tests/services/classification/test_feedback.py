import pytest
from google.protobuf.struct_pb2 import Struct, Value

from services.classification.feedback import FeedbackBook
from synthoscope import models
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.classification.v1.classification_service_pb2 import GiveFeedbackRequest, ListFeedbackRequest
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelOutput, ModelVersion
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.auth import Caller, acting_as
from synthoscope.rpc.errors import InvalidInput, NotFound

TENANT = "tenants/default"


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def book(objects):
    with acting_as(Caller("default", "dr-ada", frozenset({"diagnose"}))):
        yield FeedbackBook(objects)


def diagnosed(objects, number, label="glioma", **fields):
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=["glioma", "notumor"], **fields)
    version = models.publish(objects, f"{TENANT}/models/cnn", record, {})
    name = f"{TENANT}/diagnoses/{number:04d}"
    Records(objects, Diagnosis).create(name, Diagnosis(name=name, label=label, model_version=version.name))
    return name


def test_what_was_said_last_counts(book, objects):
    name = diagnosed(objects, 1)
    book.give(GiveFeedbackRequest(diagnosis=name, label="glioma"))
    said = book.give(GiveFeedbackRequest(diagnosis=name, label="notumor"))
    assert (said.label, said.answered, said.subject, said.diagnosis) == ("notumor", "glioma", "dr-ada", name)
    assert said.create_time.seconds
    page = book.page(ListFeedbackRequest(parent=TENANT))
    assert list(page.records) == [said]


def test_pages_are_in_the_order_of_the_diagnoses(book, objects):
    made = [diagnosed(objects, number) for number in (3, 1, 2)]
    for name in made:
        book.give(GiveFeedbackRequest(diagnosis=name, label="glioma"))
    first = book.page(ListFeedbackRequest(parent=TENANT, page_size=2))
    rest = book.page(ListFeedbackRequest(parent=TENANT, page_size=2, page_token=first.next_page_token))
    assert [item.diagnosis for item in (*first.records, *rest.records)] == sorted(made)


def test_what_the_model_does_not_know_is_refused(book, objects):
    with pytest.raises(InvalidInput, match="glioma, notumor"):
        book.give(GiveFeedbackRequest(diagnosis=diagnosed(objects, 1), label="fracture"))
    with pytest.raises(NotFound):
        book.give(GiveFeedbackRequest(diagnosis=f"{TENANT}/diagnoses/none", label="glioma"))
    with pytest.raises(InvalidInput, match="diagnosis"):
        book.give(GiveFeedbackRequest(diagnosis="1", label="glioma"))


def test_findings_may_be_several_or_none(book, objects):
    config = Struct(fields={"no_finding": Value(string_value="clear")})
    name = diagnosed(objects, 1, "clear", output=ModelOutput.MODEL_OUTPUT_FINDINGS, config=config)
    said = {"glioma|notumor": "glioma|notumor", "notumor | glioma|glioma": "glioma|notumor", "clear": "clear"}
    for label, kept in said.items():
        assert book.give(GiveFeedbackRequest(diagnosis=name, label=label)).label == kept
    for label in ("", "glioma|fracture"):
        with pytest.raises(InvalidInput, match="'clear'"):
            book.give(GiveFeedbackRequest(diagnosis=name, label=label))
