"""What clinicians say of diagnosed images."""

from prometheus_client import Counter

from services.classification.diagnosing import none_word
from synthoscope import models, names
from synthoscope.api.classification.v1.classification_pb2 import Feedback
from synthoscope.api.classification.v1.classification_service_pb2 import GiveFeedbackRequest, ListFeedbackRequest
from synthoscope.api.models.v1.models_pb2 import ModelOutput, ModelVersion
from synthoscope.datasets.findings import SEPARATOR, findings_of
from synthoscope.diagnoses import Diagnoses
from synthoscope.objects import ObjectStore
from synthoscope.records import Page, Records
from synthoscope.rpc.auth import caller
from synthoscope.rpc.errors import InvalidInput

FEEDBACK = Counter(
    "synthoscope_diagnosis_feedback_total",
    "Diagnoses that a clinician confirmed (agreed) or corrected.",
    ("tenant", "model", "version", "agreed"),
)


class FeedbackBook:
    """Feedback by diagnosis, in the object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._diagnoses = Diagnoses(objects)
        self._records = Records(objects, Feedback)

    def give(self, request: GiveFeedbackRequest) -> Feedback:
        """Keeps the caller's word. Raises InvalidInput, NotFound."""
        diagnosis = self._diagnoses.get(request.diagnosis, "diagnosis")
        ids = names.DIAGNOSIS.parse(diagnosis.name)
        version = models.get(self._objects, diagnosis.model_version)
        label = _known(request.label, version)
        feedback = Feedback(
            name=names.FEEDBACK.format(tenant=ids["tenant"], feedback=ids["diagnosis"]),
            diagnosis=diagnosis.name,
            label=label,
            answered=diagnosis.label,
            model_version=diagnosis.model_version,
            subject=caller().subject,
        )
        feedback.create_time.GetCurrentTime()
        self._records.put(feedback.name, feedback)
        model = names.MODEL_VERSION.parse(version.name)
        agreed = str(feedback.label == feedback.answered).lower()
        FEEDBACK.labels(ids["tenant"], model["model"], model["version"], agreed).inc()
        return feedback

    def page(self, request: ListFeedbackRequest) -> Page[Feedback]:
        """One page of a tenant's feedback. Raises InvalidInput."""
        names.TENANT.parse(request.parent, "parent")
        return self._records.page(f"{request.parent}/feedback", request.page_size, request.page_token)


def _known(label: str, version: ModelVersion) -> str:
    """A label as the model would say it."""
    if version.output != ModelOutput.MODEL_OUTPUT_FINDINGS:
        if label not in version.classes:
            raise InvalidInput("label", f"must be one of the model's classes: {', '.join(version.classes)}")
        return label
    none = none_word(version)
    found = findings_of(label, none)
    if not label or found - set(version.classes):
        raise InvalidInput("label", f"must be {none!r}, or findings joined by |, of {', '.join(version.classes)}")
    return SEPARATOR.join(name for name in version.classes if name in found) or none
