"""Requests that are answered, for fuzzing to start from."""

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message

from synthoscope.api.classification.v1 import classification_service_pb2 as diagnoses
from synthoscope.api.explanation.v1 import explanation_service_pb2 as explanations
from synthoscope.api.images.v1 import images_service_pb2 as images
from synthoscope.api.inference.v2 import open_inference_service_pb2 as inference
from synthoscope.api.jobs.v1 import jobs_service_pb2 as jobs

TENANT = "tenants/default"
TENSOR = inference.ModelInferRequest.InferInputTensor(name="images", datatype="UINT8", shape=[1, 8, 8, 3])


def good_messages(version: str, image: str, diagnosis: str, png: bytes) -> Mapping[str, Sequence[Message]]:
    """By method; of a stream, its messages in turn. The methods that are left out need one name only."""
    asked = {"parent": TENANT, "model_version": version}
    whole = diagnoses.DiagnoseRequest(data=png, **asked)
    return {
        "Diagnose": [whole],
        "DiagnoseStream": [diagnoses.DiagnoseStreamRequest(request=whole)],
        "DiagnoseImagingStudy": [diagnoses.DiagnoseImagingStudyRequest(images=[image], **asked)],
        "ListDiagnoses": [diagnoses.ListDiagnosesRequest(parent=TENANT)],
        "GiveFeedback": [diagnoses.GiveFeedbackRequest(diagnosis=diagnosis, label="dark")],
        "UploadImage": [
            images.UploadImageRequest(header=images.UploadImageHeader(parent=TENANT)),
            images.UploadImageRequest(chunk=png),
        ],
        "UploadImages": [images.UploadImagesRequest(parent=TENANT, data=png)],
        "FindMissingImages": [images.FindMissingImagesRequest(parent=TENANT, sha256=["ab" * 32])],
        "ModelInfer": [inference.ModelInferRequest(model_name="cnn", inputs=[TENSOR], raw_input_contents=[bytes(192)])],
        "RepositoryModelLoad": [inference.RepositoryModelLoadRequest(model_name="cnn")],
        "CreateExplanation": [explanations.CreateExplanationRequest(diagnosis=diagnosis)],
        "ListJobs": [jobs.ListJobsRequest(parent=TENANT)],
    }
