"""ModelService's evaluations: submitting one as a job, reading them."""

# ruff: noqa: N802 (gRPC method names)

import hashlib
import json

import grpc

from synthoscope import models, names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.api.models.v1.models_pb2 import ModelEvaluation, ModelKind, ModelOutput, ModelVersion
from synthoscope.api.models.v1.models_service_pb2 import (
    GetModelEvaluationRequest,
    ListModelEvaluationsRequest,
    ListModelEvaluationsResponse,
    SubmitModelEvaluationRequest,
)
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.messages import job_message
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput
from synthoscope.synthetic import sets

FILE = "evaluation.json"
"""An evaluation's file below its name: the records of versions, which lie above it, are called otherwise."""


def split_of(request: SubmitModelEvaluationRequest) -> Split:
    """The split that a request asks for."""
    return request.split or Split.SPLIT_TEST


def evaluation_name(request: SubmitModelEvaluationRequest) -> str:
    """The name of the evaluation that a request, whose names are resolved, asks for; the same again has the same."""
    measured_on = [request.dataset_version, split_of(request), *request.synthetic_sets]
    digest = hashlib.sha256(json.dumps(measured_on).encode()).hexdigest()[:16]
    return f"{request.model_version}/evaluations/{digest}"


class ModelEvaluations:
    """The methods of ModelService that have to do with evaluations."""

    def __init__(self, objects: ObjectStore, jobs: Jobs) -> None:
        self._objects = objects
        self._jobs = jobs
        self._evaluations = Records(objects, ModelEvaluation, FILE)

    def SubmitModelEvaluation(
        self, request: SubmitModelEvaluationRequest, context: grpc.ServicerContext
    ) -> jobs_pb2.Job:
        """Raises InvalidInput, NotFound, FailedPrecondition, ResourceExhausted, AlreadyExists."""
        tenant = names.MODEL_VERSION.parse(request.model_version, "model_version")["tenant"]
        if names.DATASET_VERSION.parse(request.dataset_version, "dataset_version")["tenant"] != tenant:
            raise InvalidInput("dataset_version", "must be of the model version's tenant")
        split = split_of(request)
        if split not in (Split.SPLIT_TRAIN, Split.SPLIT_TEST):
            raise InvalidInput("split", "must be SPLIT_TRAIN or SPLIT_TEST")
        model = _classifier(self._objects, request.model_version)
        version = Records(self._objects, DatasetVersion).get(request.dataset_version)
        labels = {count.label for count in version.counts if count.split == split and count.count}
        if not labels:
            raise FailedPrecondition(f"{version.name} has no {Split.Name(split).removeprefix('SPLIT_').lower()} images")
        for name in request.synthetic_sets:
            labels |= set(sets.get(self._objects, name, "synthetic_sets").counts)
        if unknown := sorted(labels - set(model.classes)):
            raise FailedPrecondition(
                f"there are images of {unknown[0] or 'no class'}; the classes of {model.name} are "
                f"{', '.join(model.classes)}"
            )
        resolved = {"model_version": model.name, "dataset_version": version.name}
        return job_message(self._jobs.submit(tenant, JobKind.MODEL_EVALUATION, request, request.request_id, resolved))

    def GetModelEvaluation(self, request: GetModelEvaluationRequest, context: grpc.ServicerContext) -> ModelEvaluation:
        """Returns an evaluation. Raises InvalidInput, NotFound."""
        names.MODEL_EVALUATION.parse(request.name)
        return self._evaluations.get(request.name)

    def ListModelEvaluations(
        self, request: ListModelEvaluationsRequest, context: grpc.ServicerContext
    ) -> ListModelEvaluationsResponse:
        """Lists evaluations by name. Raises InvalidInput."""
        of_version = len(request.parent.split("/")) > 4
        (names.MODEL_VERSION if of_version else names.MODEL).parse(request.parent, "parent")
        page = self._evaluations.page(request.parent, request.page_size, request.page_token)
        return ListModelEvaluationsResponse(model_evaluations=page.records, next_page_token=page.next_page_token)


def _classifier(objects: ObjectStore, name: str) -> ModelVersion:
    model = models.get(objects, name)
    if model.kind != ModelKind.MODEL_KIND_CLASSIFIER:
        raise FailedPrecondition(f"{model.name} is not a classifier")
    if model.output == ModelOutput.MODEL_OUTPUT_FINDINGS:
        raise FailedPrecondition(f"{model.name} gives findings; only classes can be measured on other images so far")
    return model
