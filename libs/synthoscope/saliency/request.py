"""Explanations asked for, and what became of them: how the services and the worker share them.

The record of an explanation is written once, when it is asked for; what became of it is written once more, under
another key, by whoever is first. So an explanation that ended never changes, whatever a late or repeated worker still
does. What travels in the queue is the explanation's name.
"""

import hashlib
import time
from dataclasses import dataclass

from google.protobuf import json_format

from synthoscope import names
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.explanation.v1.explanation_pb2 import Explanation, ExplanationMethod
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.jobs.queue import WorkQueue
from synthoscope.objects import ObjectStore
from synthoscope.records import Page, Records
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound

QUEUE = "explanations"
"""Name of the queue; its items are explanations' names."""

DEAD_LETTERS = "explanations.dead"
"""Name of the queue of what was given up, for the operator to look at."""

ASK_AGAIN_SECONDS = 60.0
"""An explanation older than this that has not ended is queued again when it is asked for again."""

_OUTCOME = "outcome.json"
_METHODS = {ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM: "grad-cam"}


@dataclass(frozen=True)
class Explanations:
    """The explanations in the object store, and the queue of those to be made."""

    objects: ObjectStore
    queue: WorkQueue

    def request(
        self,
        diagnosis: Diagnosis,
        label: str = "",
        method: ExplanationMethod = ExplanationMethod.EXPLANATION_METHOD_UNSPECIFIED,
    ) -> Explanation:
        """Asks for the explanation of a class of a diagnosis, by default the one that `explained_label` gives.

        Asking again gives the explanation there is. Raises InvalidInput for a label that is not a class of the model or
        a method that is not known, ResourceExhausted when the queue is full.
        """
        asked = _request(diagnosis, label, method)
        if Records(self.objects, Explanation).create(asked.name, asked):
            self.queue.put(asked.name)
            return asked
        found = self.get(asked.name)
        if not ended(found) and time.time() - found.create_time.seconds > ASK_AGAIN_SECONDS:
            self.queue.put(found.name)  # its entry may have been lost; made twice, it is still one explanation
        return found

    def get(self, name: str) -> Explanation:
        """An explanation, ended or not. Raises InvalidInput, NotFound."""
        names.EXPLANATION.parse(name)
        outcome = self._outcome(name)
        return Records(self.objects, Explanation).get(name) if outcome is None else outcome

    def page(self, parent: str, page_size: int = 0, page_token: str = "") -> Page[Explanation]:
        """A tenant's explanations, by name. Raises InvalidInput."""
        names.TENANT.parse(parent, "parent")
        page = Records(self.objects, Explanation).page(f"{parent}/explanations", page_size, page_token)
        return Page([self._outcome(record.name) or record for record in page.records], page.next_page_token)

    def finish(self, explanation: Explanation) -> bool:
        """Records how an explanation ended, unless that is recorded already; returns whether it was recorded."""
        return self.objects.put_if_absent(
            f"{explanation.name}/{_OUTCOME}", json_format.MessageToJson(explanation).encode()
        )

    def _outcome(self, name: str) -> Explanation | None:
        try:
            data = self.objects.get(f"{name}/{_OUTCOME}")
        except NotFound:
            return None
        try:
            return json_format.Parse(data, Explanation(), ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise DataLoss(f"the outcome of {name} cannot be read") from error


def explanation_name(diagnosis: str, label: str, method: ExplanationMethod) -> str:
    """The name of the explanation of a diagnosis' class by a method: always the same. Raises InvalidInput."""
    digest = hashlib.sha256("\n".join((diagnosis, label, _method_id(method))).encode()).hexdigest()
    return names.EXPLANATION.format(tenant=names.tenant_of(diagnosis), explanation=digest[:32])


def explained_label(diagnosis: Diagnosis) -> str:
    """The class to explain unless another is asked for: the one answered; the most probable if none or several are."""
    classes = {entry.label: entry.probability for entry in diagnosis.probabilities}
    return diagnosis.label if diagnosis.label in classes else max(classes, key=classes.__getitem__)


def ended(explanation: Explanation) -> bool:
    """Whether an explanation will not change any more."""
    return explanation.state in (JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED)


def _request(diagnosis: Diagnosis, label: str, method: ExplanationMethod) -> Explanation:
    method = method or ExplanationMethod.EXPLANATION_METHOD_GRAD_CAM
    classes = [entry.label for entry in diagnosis.probabilities]
    if label and label not in classes:
        raise InvalidInput("label", f"must be one of the model's classes: {', '.join(classes)}")
    label = label or explained_label(diagnosis)
    asked = Explanation(
        name=explanation_name(diagnosis.name, label, method),
        state=JobState.JOB_STATE_QUEUED,
        diagnosis=diagnosis.name,
        label=label,
        method=method,
        model_version=diagnosis.model_version,
        image_sha256=diagnosis.image.sha256,
        image=diagnosis.image.name,
    )
    asked.create_time.GetCurrentTime()
    return asked


def _method_id(method: ExplanationMethod) -> str:
    if method not in _METHODS:
        raise InvalidInput("method", f"must be one of {', '.join(ExplanationMethod.Name(known) for known in _METHODS)}")
    return _METHODS[method]
