import pytest

from synthoscope.api.classification.v1.classification_pb2 import ClassProbability, Diagnosis
from synthoscope.api.explanation.v1.explanation_pb2 import Explanation, ExplanationMethod
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.jobs.memory import InMemoryWorkQueue
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound
from synthoscope.saliency.request import Explanations, ended, explanation_name

GRAD_CAM = ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM
DIAGNOSIS = Diagnosis(
    name="tenants/default/diagnoses/d1",
    label="glioma",
    probabilities=[ClassProbability(label="glioma"), ClassProbability(label="notumor")],
    model_version="tenants/default/models/cnn/versions/1",
    image=ImageRef(sha256="ab" * 32),
)


@pytest.fixture
def explanations():
    return Explanations(InMemoryObjectStore(), InMemoryWorkQueue())


def outcome_of(asked, state=JobState.JOB_STATE_SUCCEEDED, **fields):
    outcome = Explanation(**fields)
    outcome.MergeFrom(asked)
    outcome.state = state
    return outcome


def test_the_name_depends_on_diagnosis_class_and_method_only():
    name = explanation_name(DIAGNOSIS.name, "glioma", GRAD_CAM)
    assert name == explanation_name(DIAGNOSIS.name, "glioma", GRAD_CAM)
    assert name.startswith("tenants/default/explanations/")
    assert name != explanation_name(DIAGNOSIS.name, "notumor", GRAD_CAM)
    assert name != explanation_name("tenants/default/diagnoses/d2", "glioma", GRAD_CAM)
    with pytest.raises(InvalidInput, match="method"):
        explanation_name(DIAGNOSIS.name, "glioma", 99)


def test_the_record_is_stored_before_it_is_queued():
    objects = InMemoryObjectStore()

    class Queue(InMemoryWorkQueue):
        def put(self, payload):
            assert objects.head(f"{payload}/manifest.json")
            return super().put(payload)

    asked = Explanations(objects, Queue()).request(DIAGNOSIS)
    assert (asked.label, asked.method, asked.state) == ("glioma", GRAD_CAM, JobState.JOB_STATE_QUEUED)


def test_the_first_outcome_counts(explanations):
    asked = explanations.request(DIAGNOSIS)
    assert not ended(explanations.get(asked.name))
    assert explanations.finish(outcome_of(asked, logit=1.0))
    assert not explanations.finish(outcome_of(asked, JobState.JOB_STATE_FAILED))
    found = explanations.get(asked.name)
    assert ended(found)
    assert (found.logit, found.diagnosis) == (1.0, DIAGNOSIS.name)


def test_a_listing_shows_each_explanation_once_as_it_is_now(explanations):
    first, second = explanations.request(DIAGNOSIS), explanations.request(DIAGNOSIS, "notumor")
    explanations.objects.put(f"{first.name}/{'0' * 64}.npy", b"map")
    explanations.finish(outcome_of(first))
    page = explanations.page("tenants/default")
    assert {entry.name: ended(entry) for entry in page.records} == {first.name: True, second.name: False}


def test_what_is_not_there_or_not_readable(explanations):
    with pytest.raises(NotFound):
        explanations.get("tenants/default/explanations/none")
    with pytest.raises(InvalidInput):
        explanations.get("explanations/none")
    asked = explanations.request(DIAGNOSIS)
    explanations.objects.put(f"{asked.name}/outcome.json", b"{")
    with pytest.raises(DataLoss):
        explanations.get(asked.name)
