"""Runs the synthesis service: `python -m services.synthesis`. Generation itself is services.synthesis.run, on Ray."""

from services.synthesis.servicer import SynthesisServicer
from services.synthesis.settings import Settings
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.api.jobs.v1.jobs_service_pb2_grpc import add_JobServiceServicer_to_server
from synthoscope.api.synthesis.v1.synthesis_service_pb2_grpc import add_SynthesisServiceServicer_to_server
from synthoscope.dependencies import object_store, redis
from synthoscope.images.servicer import ImageReader
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
    """Serves until SIGTERM, and hands generations to Ray."""
    settings = from_environment(Settings)
    objects, store, api = MinioObjectStore(settings.objects), RedisJobStore(settings.redis), "synthoscope.api"
    jobs = Jobs(objects, store)
    runner = RayJobRunner(settings.ray, "services.synthesis.run")
    registrations = [
        Registration(f"{api}.images.v1.ImageService", add_ImageServiceServicer_to_server, ImageReader(objects)),
        Registration(f"{api}.jobs.v1.JobService", add_JobServiceServicer_to_server, JobServicer(jobs)),
        Registration(
            f"{api}.synthesis.v1.SynthesisService",
            add_SynthesisServiceServicer_to_server,
            SynthesisServicer(objects, jobs),
        ),
    ]
    reconciler = Reconciler(jobs, store, runner, (JobKind.SYNTHESIS,), settings.ray.max_running_jobs)
    needed = [object_store(settings.objects), redis(settings.redis)]
    work = [reconciler.run]
    serve("synthesis", settings.server, registrations, background=work, dependencies=needed, trail=Trail(objects))


if __name__ == "__main__":
    main()
