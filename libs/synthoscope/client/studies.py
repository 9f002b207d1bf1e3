"""Hyperparameter studies."""

from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.api.tuning.v1 import tuning_service_pb2 as requests
from synthoscope.api.tuning.v1.tuning_pb2 import Study, StudySpecification
from synthoscope.api.tuning.v1.tuning_service_pb2_grpc import TuningServiceStub
from synthoscope.client.connection import Connection, call, pages


class Studies:
    """Starts and reads hyperparameter searches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, dataset_version: str, specification: StudySpecification, request_id: str = "") -> Job:
        """Starts a study; the job's result is the study's name."""
        request = requests.SubmitStudyRequest(
            parent=self._connection.parent,
            request_id=request_id,
            dataset_version=dataset_version,
            specification=specification,
        )
        return call(self._stub.SubmitStudy, request)

    def get(self, name: str) -> Study:
        """A study with its trials as they are now. Raises NotFound."""
        return call(self._stub.GetStudy, requests.GetStudyRequest(name=name))

    def list(self) -> list[Study]:
        """All studies, without their trials."""
        request = requests.ListStudiesRequest(parent=self._connection.parent)
        return [item for page in pages(self._stub.ListStudies, request) for item in page.studies]

    @property
    def _stub(self) -> TuningServiceStub:
        return TuningServiceStub(self._connection.channel("tuning"))
