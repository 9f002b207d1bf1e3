"""Imaging studies: diagnosing their images is a job, whose result is kept."""

# ruff: noqa: N802 (gRPC method names)

from collections import Counter
from collections.abc import Sequence

import grpc

from services.classification.idempotency import known_as
from synthoscope import models, names
from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1.classification_pb2 import ImageOutcome, ImagingStudyDiagnosis
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.api.models.v1.models_pb2 import ModelKind
from synthoscope.images.storage import check_image_name
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.messages import job_message
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.auth import caller
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

MOST_IMAGES = 5000


class ImagingStudies:
    """The part of DiagnosisService that is about imaging studies."""

    def __init__(self, objects: ObjectStore, jobs: Jobs) -> None:
        self._objects = objects
        self._jobs = jobs

    def DiagnoseImagingStudy(
        self, request: messages.DiagnoseImagingStudyRequest, context: grpc.ServicerContext
    ) -> jobs_pb2.Job:
        """Raises InvalidInput, NotFound, FailedPrecondition, AlreadyExists."""
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        if not 1 <= len(request.images) <= MOST_IMAGES:
            raise InvalidInput("images", f"must be in [1, {MOST_IMAGES}], not {len(request.images)}")
        for index, name in enumerate(request.images):
            check_image_name(name, f"images[{index}]")
        repeated = [name for name, count in Counter(request.images).items() if count > 1]
        if repeated:
            raise InvalidInput("images", f"names {repeated[0]} more than once")
        names.MODEL_VERSION.parse(request.model_version, "model_version")
        record = models.get(self._objects, request.model_version)
        if record.kind != ModelKind.MODEL_KIND_CLASSIFIER:
            raise FailedPrecondition(f"{record.name} is not a classifier: it gives no class probabilities")
        resolved = {"model_version": record.name, "subject": caller().subject}
        request_id = known_as(request.request_id)
        return job_message(self._jobs.submit(tenant, JobKind.IMAGING_STUDY, request, request_id, resolved))

    def GetImagingStudyDiagnosis(
        self, request: messages.GetImagingStudyDiagnosisRequest, context: grpc.ServicerContext
    ) -> ImagingStudyDiagnosis:
        """Raises InvalidInput, NotFound."""
        names.IMAGING_STUDY_DIAGNOSIS.parse(request.name)
        return Records(self._objects, ImagingStudyDiagnosis).get(request.name)


def summary(
    name: str, model_version: str, outcomes: Sequence[ImageOutcome], study_uids: Sequence[str]
) -> ImagingStudyDiagnosis:
    """What the outcomes of images add up to; `study_uids` are the remapped ones of those that were diagnosed."""
    labels = Counter(outcome.label for outcome in outcomes if outcome.label)
    found = ImagingStudyDiagnosis(
        name=name,
        model_version=model_version,
        imaging_study_uid=study_uids[0] if len(set(study_uids)) == 1 else "",
        images=outcomes,
        label_counts=labels,
        refused_count=sum(outcome.refused for outcome in outcomes),
        failed_count=sum(not outcome.diagnosis for outcome in outcomes),
    )
    found.create_time.GetCurrentTime()
    return found
