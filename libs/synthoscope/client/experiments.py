"""Experiments: comparisons of ways to train a classifier."""

from synthoscope.api.experiments.v1 import experiments_service_pb2 as requests
from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentSpecification
from synthoscope.api.experiments.v1.experiments_service_pb2_grpc import ExperimentServiceStub
from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.client.connection import Connection, call, pages


class Experiments:
    """Starts and reads experiments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def submit(
        self, specification: ExperimentSpecification, request_id: str = "", accept_unadmitted: bool = False
    ) -> Job:
        """Starts an experiment; the job's result is the experiment's name.

        Synthetic sets whose verdict is not ADMISSION_ADMITTED are refused unless `accept_unadmitted`. Raises
        InvalidInput, NotFound, FailedPrecondition.
        """
        request = requests.SubmitExperimentRequest(
            parent=self._connection.parent,
            request_id=request_id,
            specification=specification,
            accept_unadmitted=accept_unadmitted,
        )
        return call(self._stub.SubmitExperiment, request)

    def get(self, name: str) -> Experiment:
        """An experiment with its trials as they are now. Raises NotFound."""
        return call(self._stub.GetExperiment, requests.GetExperimentRequest(name=name))

    def list(self) -> list[Experiment]:
        """All experiments, without their trials."""
        request = requests.ListExperimentsRequest(parent=self._connection.parent)
        return [item for page in pages(self._stub.ListExperiments, request) for item in page.experiments]

    @property
    def _stub(self) -> ExperimentServiceStub:
        return ExperimentServiceStub(self._connection.channel("training"))
