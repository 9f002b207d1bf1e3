"""What Ray runs for a training job: `python -m services.training.run JOB ATTEMPT`."""

from collections.abc import Callable, Mapping

from services.training import audit_run, classifier_run, gan_run
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.worker import JobWorker
from synthoscope_ray.program import Stores, run_job

RUNS: Mapping[JobKind, Callable[[JobWorker, Stores], str]] = {
    JobKind.GAN_TRAINING: gan_run.run,
    JobKind.CLASSIFIER_TRAINING: classifier_run.main,
    JobKind.DATASET_AUDIT: audit_run.run,
}


def main(worker: JobWorker, stores: Stores) -> str:
    """Does a job of any of these kinds and returns the name of what it made."""
    return RUNS[stores.jobs.get(worker.name).kind](worker, stores)


if __name__ == "__main__":
    run_job(main)
