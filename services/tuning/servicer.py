"""TuningService: studies as jobs, and their records."""

import contextlib

import grpc

from services.tuning import specification, studies
from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.api.tuning.v1 import tuning_service_pb2 as messages
from synthoscope.api.tuning.v1.tuning_pb2 import Study
from synthoscope.api.tuning.v1.tuning_service_pb2_grpc import TuningServiceServicer
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.messages import job_message
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import InvalidInput, NotFound
from synthoscope.synthetic import admission

_REMEDY = "Studies take admitted sets only: derive a dataset version without it"


class TuningServicer(TuningServiceServicer):
    """Accepts studies and reads their records; the state of a study is that of its job."""

    def __init__(self, objects: ObjectStore, jobs: Jobs) -> None:
        self._objects = objects
        self._jobs = jobs
        self._datasets = Records(objects, DatasetVersion)
        self._studies = Records(objects, Study)

    def SubmitStudy(self, request: messages.SubmitStudyRequest, context: grpc.ServicerContext) -> jobs_pb2.Job:
        """Starts a study. Raises InvalidInput, NotFound, FailedPrecondition, AlreadyExists."""
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        if names.DATASET_VERSION.parse(request.dataset_version, "dataset_version")["tenant"] != tenant:
            raise InvalidInput("dataset_version", "must be of the tenant in parent")
        specification.check(request.specification)
        dataset = self._datasets.get(request.dataset_version)
        specification.check_dataset(request.specification, dataset)
        admission.check(self._objects, admission.uses(self._objects, dataset), _REMEDY)
        resolved = {"dataset_version": dataset.name}
        job = self._jobs.submit(tenant, JobKind.STUDY, request, request.request_id, resolved)
        specified = self._jobs.specification(job.name, messages.SubmitStudyRequest)
        self._studies.create(studies.study_name(job.name), studies.new_study(job, specified))
        return job_message(job)

    def GetStudy(self, request: messages.GetStudyRequest, context: grpc.ServicerContext) -> Study:
        """Returns a study as it is now. Raises InvalidInput, NotFound."""
        names.STUDY.parse(request.name)
        return self._with_state(self._studies.get(request.name))

    def ListStudies(
        self, request: messages.ListStudiesRequest, context: grpc.ServicerContext
    ) -> messages.ListStudiesResponse:
        """Lists studies by name, without their trials. Raises InvalidInput."""
        names.TENANT.parse(request.parent, "parent")
        page = self._studies.page(f"{request.parent}/studies", request.page_size, request.page_token)
        found = [self._with_state(study) for study in page.records]
        for study in found:
            study.ClearField("trials")
        return messages.ListStudiesResponse(studies=found, next_page_token=page.next_page_token)

    def _with_state(self, study: Study) -> Study:
        """The study in its job's state; the recorded one when Redis has lost the job."""
        with contextlib.suppress(NotFound):
            study.state = job_message(self._jobs.store.get(study.job)).state
        return study
