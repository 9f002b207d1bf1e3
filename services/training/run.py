"""What Ray runs for a training job: `python -m services.training.run JOB ATTEMPT`."""

from synthoscope.jobs.job import JobKind
from synthoscope.jobs.worker import JobWorker
from synthoscope.rpc.errors import InvalidInput
from synthoscope_ray.program import Stores, run_job


def main(worker: JobWorker, stores: Stores) -> str:
    """Does a job of any of the service's kinds and returns the name of what it made."""
    # Each kind loads libraries, for seconds, that the others do not need.
    match kind := stores.jobs.get(worker.name).kind:
        case JobKind.GAN_TRAINING:
            from services.training import gan_run

            return gan_run.run(worker, stores)
        case JobKind.CLASSIFIER_TRAINING:
            from services.training import classifier_run

            return classifier_run.main(worker, stores)
        case JobKind.EXPERIMENT:
            from services.training import experiment_run

            return experiment_run.run(worker, stores)
        case JobKind.MODEL_EVALUATION:
            from services.training import evaluation_run

            return evaluation_run.run(worker, stores)
        case JobKind.DATASET_AUDIT:
            from services.training import audit_run

            return audit_run.run(worker, stores)
    raise InvalidInput("kind", f"training runs no {kind} jobs")


if __name__ == "__main__":
    run_job(main)
