"""Runs the explanation service: `python -m services.explanation`. Its workers are services.explanation.worker."""

from services.explanation.servicer import ExplanationServicer
from services.explanation.settings import Settings
from synthoscope.api.explanation.v1.explanation_service_pb2_grpc import add_ExplanationServiceServicer_to_server
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.dependencies import object_store, redis
from synthoscope.images.servicer import ImageReader
from synthoscope.jobs.redis_queue import RedisWorkQueue
from synthoscope.objects import MinioObjectStore
from synthoscope.rpc.server import Registration, serve
from synthoscope.rpc.settings import from_environment
from synthoscope.saliency.request import QUEUE, Explanations
from synthoscope.trail import Trail


def main() -> None:
    """Constructs the service and serves until SIGTERM."""
    settings = from_environment(Settings)
    objects = MinioObjectStore(settings.objects)
    explanations = Explanations(objects, RedisWorkQueue(settings.redis, QUEUE))
    trail = Trail(objects)
    serve(
        "explanation",
        settings.server,
        [
            Registration(
                "synthoscope.api.explanation.v1.ExplanationService",
                add_ExplanationServiceServicer_to_server,
                ExplanationServicer(explanations),
            ),
            Registration(
                "synthoscope.api.images.v1.ImageService", add_ImageServiceServicer_to_server, ImageReader(objects)
            ),
        ],
        dependencies=[object_store(settings.objects), redis(settings.redis)],
        trail=trail,
    )


if __name__ == "__main__":
    main()
