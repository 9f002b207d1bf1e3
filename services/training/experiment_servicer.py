"""ExperimentService: checks what an experiment asks for, makes it a job, reads its record. Without torch or Ray."""

import contextlib

import grpc

from services.training.experiments import experiment_name, new_experiment
from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.experiments.v1 import experiments_service_pb2 as messages
from synthoscope.api.experiments.v1 import experiments_service_pb2_grpc
from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentSpecification
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.experiment import checks
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.messages import job_message
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import NotFound
from synthoscope.synthetic import admission

_REMEDY = "To take it all the same, set accept_unadmitted (--accept-unadmitted)"


class ExperimentServicer(experiments_service_pb2_grpc.ExperimentServiceServicer):
    """Accepts experiments and reads their records; the state of an experiment is that of its job."""

    def __init__(self, objects: ObjectStore, jobs: Jobs) -> None:
        self._objects = objects
        self._jobs = jobs
        self._experiments = Records(objects, Experiment)

    def SubmitExperiment(
        self, request: messages.SubmitExperimentRequest, context: grpc.ServicerContext
    ) -> jobs_pb2.Job:
        """Starts an experiment. Raises InvalidInput, NotFound, FailedPrecondition, AlreadyExists."""
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        checks.check(self._objects, request.specification)
        if not request.accept_unadmitted:
            self._check_admitted(request.specification)
        job = self._jobs.submit(tenant, JobKind.EXPERIMENT, request, request.request_id)
        self._experiments.create(experiment_name(job.name), new_experiment(job, request.specification))
        return job_message(job)

    def GetExperiment(self, request: messages.GetExperimentRequest, context: grpc.ServicerContext) -> Experiment:
        """Returns an experiment as it is now. Raises InvalidInput, NotFound."""
        names.EXPERIMENT.parse(request.name)
        return self._with_state(self._experiments.get(request.name))

    def ListExperiments(
        self, request: messages.ListExperimentsRequest, context: grpc.ServicerContext
    ) -> messages.ListExperimentsResponse:
        """Lists experiments by name, without their trials. Raises InvalidInput."""
        names.TENANT.parse(request.parent, "parent")
        page = self._experiments.page(f"{request.parent}/experiments", request.page_size, request.page_token)
        found = [self._with_state(experiment) for experiment in page.records]
        for experiment in found:
            experiment.ClearField("trials")
        return messages.ListExperimentsResponse(experiments=found, next_page_token=page.next_page_token)

    def _check_admitted(self, specification: ExperimentSpecification) -> None:
        """Raises FailedPrecondition for a set that the gate has not admitted, one merged into a version too."""
        versions = Records(self._objects, DatasetVersion)
        for fraction in specification.fractions:
            learned = (*fraction.synthetic_sets, *fraction.filtered_sets)
            for name in filter(None, (fraction.dataset_version, fraction.further_version)):
                admission.check(self._objects, admission.uses(self._objects, versions.get(name), learned), _REMEDY)

    def _with_state(self, experiment: Experiment) -> Experiment:
        """The experiment in its job's state; the recorded one when Redis has lost the job."""
        with contextlib.suppress(NotFound):
            experiment.state = job_message(self._jobs.store.get(experiment.job)).state
        return experiment
