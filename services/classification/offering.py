"""The gRPC services that the process offers."""

from collections.abc import Callable
from concurrent.futures import Executor

from services.classification.classifiers import Classifiers
from services.classification.open_inference_servicer import InferenceServicer
from services.classification.servicer import DiagnosisServicer
from synthoscope.api.classification.v1.classification_service_pb2_grpc import add_DiagnosisServiceServicer_to_server
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.api.inference.v2.open_inference_service_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from synthoscope.api.jobs.v1.jobs_service_pb2_grpc import add_JobServiceServicer_to_server
from synthoscope.images.intake import Intake
from synthoscope.images.servicer import ImageServicer
from synthoscope.jobs.servicer import JobServicer
from synthoscope.jobs.submission import Jobs
from synthoscope.rpc.server import Registration
from synthoscope.saliency.request import Explanations
from synthoscope.trail import Trail


def offered(
    intake: Intake,
    explanations: Explanations,
    classifiers: Classifiers,
    trail: Trail,
    jobs: Jobs,
    threads: Executor,
    check: Callable[[], None],
) -> list[Registration]:
    """All of them. `threads` decode; `check` raises SynthoscopeError while there is no model to ask."""
    diagnoses = DiagnosisServicer(intake, explanations, classifiers, trail, threads, jobs)
    inference = InferenceServicer(intake, classifiers, trail, check, threads)
    return [
        Registration(
            "synthoscope.api.classification.v1.DiagnosisService",
            add_DiagnosisServiceServicer_to_server,
            diagnoses,
            bounded=["Diagnose"],
            check_room=classifiers.check_room,
        ),
        Registration(
            "inference.GRPCInferenceService",
            add_GRPCInferenceServiceServicer_to_server,
            inference,
            bounded=["ModelInfer"],
            check_room=classifiers.check_room,
        ),
        Registration("synthoscope.api.jobs.v1.JobService", add_JobServiceServicer_to_server, JobServicer(jobs)),
        Registration(
            "synthoscope.api.images.v1.ImageService", add_ImageServiceServicer_to_server, ImageServicer(intake)
        ),
    ]
