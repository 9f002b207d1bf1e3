"""Runs the tuning service: `python -m services.tuning`. The search itself is services.tuning.run, on Ray."""

from services.tuning.servicer import TuningServicer
from services.tuning.settings import Settings
from synthoscope.api.jobs.v1.jobs_service_pb2_grpc import add_JobServiceServicer_to_server
from synthoscope.api.tuning.v1.tuning_service_pb2_grpc import add_TuningServiceServicer_to_server
from synthoscope.dependencies import object_store, redis
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.reconciler import Reconciler
from synthoscope.jobs.redis import RedisJobStore
from synthoscope.jobs.servicer import JobServicer
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import MinioObjectStore
from synthoscope.rpc.server import Registration, serve
from synthoscope.rpc.settings import from_environment
from synthoscope.trail import Trail
from synthoscope_ray.runner import RayJobRunner


def main() -> None:
    """Serves until SIGTERM, and hands studies to Ray."""
    settings = from_environment(Settings)
    objects, store, api = MinioObjectStore(settings.objects), RedisJobStore(settings.redis), "synthoscope.api"
    jobs, tuning = Jobs(objects, store), f"{api}.tuning.v1.TuningService"
    runner = RayJobRunner(settings.ray, "services.tuning.run")
    registrations = [
        Registration(f"{api}.jobs.v1.JobService", add_JobServiceServicer_to_server, JobServicer(jobs)),
        Registration(tuning, add_TuningServiceServicer_to_server, TuningServicer(objects, jobs)),
    ]
    reconciler = Reconciler(jobs, store, runner, (JobKind.STUDY,), settings.ray.max_running_jobs)
    needed = [object_store(settings.objects), redis(settings.redis)]
    work = [reconciler.run]
    serve("tuning", settings.server, registrations, background=work, dependencies=needed, trail=Trail(objects))


if __name__ == "__main__":
    main()
