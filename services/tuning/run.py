"""A study's job: `python -m services.tuning.run JOB ATTEMPT`, which Ray runs as the driver of the search."""

import ray
from ray import tune

from services.tuning import search
from services.tuning.draws import draw
from services.tuning.studies import StudyRecord, new_study, study_name
from services.tuning.trainable import Task, run_trial
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.jobs.v1.jobs_pb2 import JobState as StudyState
from synthoscope.api.tuning.v1.tuning_pb2 import Study
from synthoscope.api.tuning.v1.tuning_service_pb2 import SubmitStudyRequest
from synthoscope.jobs.submission import Jobs
from synthoscope.jobs.worker import JobWorker
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled, FailedPrecondition, NotFound, SynthoscopeError
from synthoscope_ray.auditing import ensure_grouping
from synthoscope_ray.program import Stores, run_job
from synthoscope_ray.waiting import QueueWatch


def main(worker: JobWorker, stores: Stores) -> str:
    """Runs a study's job; returns the study's name.

    Raises Cancelled, or FailedPrecondition with the first trial's error when all have failed.
    """
    request = Jobs(stores.objects, stores.jobs).specification(worker.name, SubmitStudyRequest)
    record = StudyRecord(stores.objects, _study(worker, stores, request), draw(request.specification), worker.report)
    record.write()
    settings = stores.settings
    task = Task(
        job=worker.name,
        attempt=worker.attempt,
        dataset_version=request.dataset_version,
        specification=request.specification.SerializeToString(),
        threads=settings.ray.worker_threads,
    )
    search.prepare_environment()
    if not ray.is_initialized():
        ray.init(address="auto", log_to_driver=False)
    if request.specification.HasField("classifier"):
        _group(worker, stores, record)
    search.search(
        tune.with_parameters(run_trial, task=task),
        record,
        search.Surroundings(worker.cancelled, QueueWatch(worker, stores.jobs, search.demand(settings.ray)).look),
        settings.ray_storage,
        settings.ray,
        name=f"{worker.name.rpartition('/')[2]}-{worker.attempt}",
    )
    return _end(worker, record)


def _study(worker: JobWorker, stores: Stores, request: SubmitStudyRequest) -> Study:
    try:
        return Records(stores.objects, Study).get(study_name(worker.name))
    except NotFound:
        # The service was stopped between accepting the job and writing the study.
        return new_study(stores.jobs.get(worker.name), request)


def _group(worker: JobWorker, stores: Stores, record: StudyRecord) -> None:
    """Trials are ranked on images held out: no copy of what they trained on may be among them."""
    try:
        ensure_grouping(worker, stores, Records(stores.objects, DatasetVersion).get(record.study.dataset_version))
    except SynthoscopeError as error:
        record.end(StudyState.JOB_STATE_CANCELLED if isinstance(error, Cancelled) else StudyState.JOB_STATE_FAILED)
        raise


def _end(worker: JobWorker, record: StudyRecord) -> str:
    if worker.cancelled():
        record.end(StudyState.JOB_STATE_CANCELLED)
        raise Cancelled(f"{worker.name} was cancelled")
    if record.first_error is not None:
        record.end(StudyState.JOB_STATE_FAILED)
        raise FailedPrecondition(f"every trial failed; the first one: {record.first_error}")
    record.end(StudyState.JOB_STATE_SUCCEEDED)
    return record.study.name


if __name__ == "__main__":
    run_job(main)
