"""What the training service offers: datasets in, training jobs, models out."""

from services.training.dataset_servicer import DatasetServicer
from services.training.experiment_servicer import ExperimentServicer
from services.training.model_servicer import ModelServicer
from services.training.servicer import TrainingServicer
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import add_DatasetServiceServicer_to_server
from synthoscope.api.experiments.v1.experiments_service_pb2_grpc import add_ExperimentServiceServicer_to_server
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.api.jobs.v1.jobs_service_pb2_grpc import add_JobServiceServicer_to_server
from synthoscope.api.models.v1.models_service_pb2_grpc import add_ModelServiceServicer_to_server
from synthoscope.api.training.v1.training_service_pb2_grpc import add_TrainingServiceServicer_to_server
from synthoscope.images.intake import Intake
from synthoscope.images.servicer import ImageServicer
from synthoscope.jobs.servicer import JobServicer
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.rpc.server import Registration

_API = "synthoscope.api"


def registrations(objects: ObjectStore, jobs: Jobs, intake: Intake, most_workers: int = 64) -> list[Registration]:
    """The services over these stores; images come in by `intake`, and a training has at most `most_workers` workers."""
    return [
        Registration(
            f"{_API}.datasets.v1.DatasetService",
            add_DatasetServiceServicer_to_server,
            DatasetServicer(objects, jobs, intake.pseudonyms),
        ),
        Registration(
            f"{_API}.experiments.v1.ExperimentService",
            add_ExperimentServiceServicer_to_server,
            ExperimentServicer(objects, jobs),
        ),
        Registration(f"{_API}.images.v1.ImageService", add_ImageServiceServicer_to_server, ImageServicer(intake)),
        Registration(f"{_API}.jobs.v1.JobService", add_JobServiceServicer_to_server, JobServicer(jobs)),
        Registration(
            f"{_API}.models.v1.ModelService", add_ModelServiceServicer_to_server, ModelServicer(objects, jobs)
        ),
        Registration(
            f"{_API}.training.v1.TrainingService",
            add_TrainingServiceServicer_to_server,
            TrainingServicer(objects, jobs, most_workers),
        ),
    ]
