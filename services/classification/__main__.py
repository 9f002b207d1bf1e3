"""Runs the classification service: `python -m services.classification`, on a node of the Ray cluster."""

import sys
from concurrent.futures import ThreadPoolExecutor

from services.classification.classifiers import Classifiers
from services.classification.cluster import connect
from services.classification.offering import offered
from services.classification.settings import Settings
from synthoscope.dependencies import object_store
from synthoscope.images.decoders import Decoders
from synthoscope.images.intake import Intake
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.reconciler import Reconciler
from synthoscope.jobs.redis import RedisJobStore
from synthoscope.jobs.redis_queue import RedisWorkQueue
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import MinioObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc import logging
from synthoscope.rpc.errors import Unavailable
from synthoscope.rpc.readiness import Dependency
from synthoscope.rpc.server import serve
from synthoscope.rpc.settings import from_environment
from synthoscope.saliency.request import QUEUE, Explanations
from synthoscope.trail import Trail
from synthoscope_ray.runner import RayJobRunner


def main() -> None:
    """Waits for the model, then serves until SIGTERM, or until the cluster has gone (exit status 1)."""
    settings = from_environment(Settings)
    # Threads decode and store beside the loop that takes calls on. By default each may keep it waiting for 5 ms, and
    # when there are too many calls even refusing them takes seconds.
    sys.setswitchinterval(0.0005)
    logging.configure("classification", error_text=settings.server.log_error_text)
    try:
        model = connect(settings.serve)
    except Unavailable as error:
        sys.exit(f"classification: {error}")
    objects = MinioObjectStore(settings.objects)
    store = RedisJobStore(settings.redis)
    jobs = Jobs(objects, store)
    runner = RayJobRunner(settings.ray, "services.classification.study_run")
    reconciler = Reconciler(jobs, store, runner, (JobKind.IMAGING_STUDY,), settings.ray.max_running_jobs)
    explanations = Explanations(objects, RedisWorkQueue(settings.redis, QUEUE))
    with Decoders(settings.decoding).start() as decoders:
        intake = Intake(objects, Pseudonyms.of(settings.pseudonym_key), decoders, settings.refuse_identifiers)
        classifiers = Classifiers(objects, model, settings.batching, settings.follow_seconds, settings.caching)
        trail = Trail(objects)
        threads = ThreadPoolExecutor(settings.decode_threads, "decode")
        registrations = offered(intake, explanations, classifiers, trail, jobs, threads, model.check)
        needed = [object_store(settings.objects), Dependency("model", model.check)]  # without Redis, diagnoses go on
        serve(
            "classification",
            settings.server,
            registrations,
            background=[model.watch, model.follow, reconciler.run],
            dependencies=needed,
            trail=trail,
        )


if __name__ == "__main__":
    main()
