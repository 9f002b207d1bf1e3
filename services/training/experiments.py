"""The experiment of a job, before it has begun. Needs neither torch nor Ray."""

from google.protobuf.timestamp_pb2 import Timestamp

from synthoscope import names
from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentSpecification
from synthoscope.api.jobs.v1.jobs_pb2 import JobState
from synthoscope.jobs.job import Job


def experiment_name(job_name: str) -> str:
    """The name of a job's experiment."""
    ids = names.JOB.parse(job_name)
    return names.EXPERIMENT.format(tenant=ids["tenant"], experiment=ids["job"])


def new_experiment(job: Job, specification: ExperimentSpecification) -> Experiment:
    """The experiment of a job that has not begun."""
    created = Timestamp()
    created.FromDatetime(job.create_time)
    return Experiment(
        name=experiment_name(job.name),
        job=job.name,
        state=JobState.JOB_STATE_QUEUED,
        specification=specification,
        create_time=created,
    )
