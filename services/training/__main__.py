"""Runs the training service: `python -m services.training`. Training itself is services.training.run, on Ray."""

from services.training.registrations import registrations
from services.training.settings import Settings
from synthoscope.dependencies import object_store, redis
from synthoscope.images.decoders import Decoders
from synthoscope.images.intake import Intake
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.reconciler import Reconciler
from synthoscope.jobs.redis import RedisJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import MinioObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.server import serve
from synthoscope.rpc.settings import from_environment
from synthoscope.trail import Trail
from synthoscope_ray.runner import RayJobRunner

KINDS = (
    JobKind.GAN_TRAINING,
    JobKind.CLASSIFIER_TRAINING,
    JobKind.DATASET_AUDIT,
    JobKind.EXPERIMENT,
    JobKind.MODEL_EVALUATION,
)


def main() -> None:
    """Serves until SIGTERM, and hands trainings to Ray."""
    settings = from_environment(Settings)
    objects, store = MinioObjectStore(settings.objects), RedisJobStore(settings.redis)
    jobs = Jobs(objects, store)
    runner = RayJobRunner(settings.ray, "services.training.run")
    reconciler = Reconciler(jobs, store, runner, KINDS, settings.ray.max_running_jobs)
    with Decoders(settings.decoding).start() as decoders:
        intake = Intake(objects, Pseudonyms.of(settings.pseudonym_key), decoders, settings.refuse_identifiers)
        offered = registrations(objects, jobs, intake, settings.ray.max_workers)
        needed = [object_store(settings.objects), redis(settings.redis)]
        work = [reconciler.run]
        serve("training", settings.server, offered, background=work, dependencies=needed, trail=Trail(objects))


if __name__ == "__main__":
    main()
