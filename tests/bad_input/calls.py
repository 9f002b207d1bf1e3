"""Bad calls, 12 and 29 to 43 of the list: each takes the edge and makes the call; texts in it name the patient."""

import base64
import json
import time
from collections.abc import Iterator

import grpc
import numpy as np
from bad_input import pictures
from bad_input.canary import NAME
from bad_input.edge import DIAGNOSE, DIAGNOSE_STREAM, TENANT, UPLOAD, EdgeProcess
from bad_input.edge_process import THEIRS

from synthoscope.api.classification.v1 import classification_service_pb2 as diagnoses
from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.images.v1 import images_service_pb2 as images
from synthoscope.api.inference.v2 import open_inference_service_pb2 as inference
from synthoscope.api.jobs.v1 import jobs_service_pb2 as jobs

INFER = "inference.GRPCInferenceService/ModelInfer"
LOAD = "inference.GRPCInferenceService/RepositoryModelLoad"
JOBS = "synthoscope.api.jobs.v1.JobService"
MIB = 2**20
ENDLESS_SECONDS = 1.5


def diagnose(edge: EdgeProcess, **options: object) -> list[bytes]:
    """A good one, asked in a bad way."""
    return edge.diagnose(**{"data": pictures.good_png(), **options})


def infer(
    edge: EdgeProcess, values: np.ndarray, datatype: str = "FP32", name: str = "images", model: str = "cnn"
) -> list[bytes]:
    tensor = inference.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=values.shape)
    request = inference.ModelInferRequest(
        model_name=model, id=NAME, inputs=[tensor], raw_input_contents=[values.tobytes()]
    )
    return edge.unary(INFER, request)


def infer_file(edge: EdgeProcess, data: bytes) -> list[bytes]:
    contents = inference.InferTensorContents(bytes_contents=[data])
    tensor = inference.ModelInferRequest.InferInputTensor(name="files", datatype="BYTES", shape=[1], contents=contents)
    return edge.unary(INFER, inference.ModelInferRequest(model_name="cnn", id=NAME, inputs=[tensor]))


def tensor_of_nan(edge: EdgeProcess) -> list[bytes]:
    return infer(edge, np.full((1, 8, 8, 3), np.nan, np.float32))


def no_token(edge: EdgeProcess) -> list[bytes]:
    return diagnose(edge, token="")


def wrong_token(edge: EdgeProcess) -> list[bytes]:
    return diagnose(edge, token=f"{NAME.replace('^', '-')}-token")


def job_of(tenant: str, edge: EdgeProcess) -> list[bytes]:
    return edge.unary(f"{JOBS}/GetJob", jobs.GetJobRequest(name=THEIRS.replace("other", tenant)))


def image_of_another(edge: EdgeProcess) -> list[bytes]:
    return diagnose(edge, image_name=f"tenants/other/images/{'ab' * 32}")


def missing_role(edge: EdgeProcess) -> list[bytes]:
    return diagnose(edge, token="reader")


def five_mebibytes(edge: EdgeProcess) -> list[bytes]:
    return edge.diagnose(bytes(5 * MIB))


def five_mebibytes_in_a_stream(edge: EdgeProcess) -> list[bytes]:
    return edge.call(UPLOAD, iter([_header(), bytes(5 * MIB)]))


def bomb(edge: EdgeProcess) -> list[bytes]:
    """200 MiB that gzip makes 200 KiB of."""
    return edge.unary(DIAGNOSE, bytes(200 * MIB), compression=grpc.Compression.Gzip)


def large_metadata(edge: EdgeProcess) -> list[bytes]:
    return diagnose_with_metadata(edge, ("x-patient", f"{NAME} " * 880))


def diagnose_with_metadata(edge: EdgeProcess, *metadata: tuple[str, str]) -> list[bytes]:
    return edge.unary(DIAGNOSE, edge.request(pictures.good_png()), metadata=metadata)


def malformed(edge: EdgeProcess) -> list[bytes]:
    return edge.unary(DIAGNOSE, b"\x0a\xff" + NAME.encode())


def malformed_in_a_stream(edge: EdgeProcess) -> list[bytes]:
    return edge.call(DIAGNOSE_STREAM, iter([b"\x0a\xff" + NAME.encode()]))


def deep_groups(edge: EdgeProcess) -> list[bytes]:
    return edge.unary(DIAGNOSE, b"\x0b" * 100_000)


def bad_utf8(edge: EdgeProcess) -> list[bytes]:
    name = NAME.encode() + b"\xff\xfe"
    return edge.unary(DIAGNOSE, b"\x0a" + bytes([len(name)]) + name)


def unknown_method(edge: EdgeProcess) -> list[bytes]:
    return edge.unary(f"synthoscope.api.classification.v1.DiagnosisService/{NAME.replace('^', '')}", b"")


def unknown_service(edge: EdgeProcess) -> list[bytes]:
    return edge.unary("no.such.Service/Diagnose", edge.request(pictures.good_png()))


def unknown_enum(edge: EdgeProcess) -> list[bytes]:
    return diagnose(edge, explanation_timing=99)


def unknown_enum_in_a_stream(edge: EdgeProcess) -> list[bytes]:
    request = edge.request(pictures.good_png(), explanation_timing=-1)
    return edge.call(DIAGNOSE_STREAM, iter([diagnoses.DiagnoseStreamRequest(request=request).SerializeToString()]))


def unknown_kind(edge: EdgeProcess) -> list[bytes]:
    return edge.unary(f"{JOBS}/ListJobs", jobs.ListJobsRequest(parent=TENANT, kind=77))


def endless_stream(edge: EdgeProcess, timeout: float | None = ENDLESS_SECONDS) -> list[bytes]:
    request = diagnoses.DiagnoseStreamRequest(request=edge.request(pictures.good_png())).SerializeToString()
    return edge.call(DIAGNOSE_STREAM, _repeated(request), timeout=timeout)


def endless_upload(edge: EdgeProcess, timeout: float | None = ENDLESS_SECONDS) -> list[bytes]:
    """So slow that its size does not end it."""
    chunk = images.UploadImageRequest(chunk=NAME.encode()).SerializeToString()
    return edge.call(UPLOAD, _repeated(chunk, _header(), pause=0.05), timeout=timeout)


def endless_upload_at_full_speed(edge: EdgeProcess) -> list[bytes]:
    return edge.call(UPLOAD, _repeated(images.UploadImageRequest(chunk=bytes(MIB)).SerializeToString(), _header()))


def _header() -> bytes:
    return images.UploadImageRequest(header=images.UploadImageHeader(parent=TENANT)).SerializeToString()


def request_that_never_comes(edge: EdgeProcess) -> list[bytes]:
    return edge.call(DIAGNOSE, _repeated(pause=0.1), timeout=None)


def _repeated(*messages: bytes, pause: float = 0.0) -> Iterator[bytes]:
    """The last-named messages once, then the first one until nobody listens, which gRPC tells by closing."""
    first, *once = messages or (b"",)
    yield from once
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(pause)
        if messages:
            yield first


def wrong_digest(edge: EdgeProcess) -> list[bytes]:
    return edge.upload(pictures.good_png(), sha256="0" * 64)


def used_request_id(edge: EdgeProcess) -> list[bytes]:
    request_id = f"{NAME} once"
    edge.diagnose(pictures.good_png(), request_id=request_id)
    return edge.diagnose(pictures.jpeg(), request_id=request_id)


def nested_json() -> bytes:
    """An Any in an Any in an Any, as JSON writes them."""
    depth = 50_000
    return b'{"@type":"type.googleapis.com/google.protobuf.Any","value":' * depth + b"{}" + b"}" * depth


def nested_json_as_message(edge: EdgeProcess) -> list[bytes]:
    return edge.unary(DIAGNOSE, nested_json())


def nested_json_as_image(edge: EdgeProcess) -> list[bytes]:
    return edge.diagnose(nested_json())


def nested_json_as_token(edge: EdgeProcess) -> list[bytes]:
    """As deep as metadata can be large: a token is the only JSON that a caller can send."""
    header = base64.urlsafe_b64encode(b"[" * 5500).rstrip(b"=").decode()
    return diagnose(edge, token=f"{header}.{json.dumps({}).encode().hex()}.x")


def _upload_many(edge: EdgeProcess, **fields: object) -> list[bytes]:
    fields = {"parent": TENANT, "label": "scan.png", "data": b"none", **fields}
    return edge.unary("synthoscope.api.images.v1.ImageService/UploadImages", images.UploadImagesRequest(**fields))


def _list(edge: EdgeProcess, **fields: str) -> list[bytes]:
    request = diagnoses.ListDiagnosesRequest(**{"parent": TENANT, **fields})
    return edge.unary("synthoscope.api.classification.v1.DiagnosisService/ListDiagnoses", request)


def _feedback(edge: EdgeProcess, **fields: str) -> list[bytes]:
    [answer] = diagnose(edge)
    request = diagnoses.GiveFeedbackRequest(**{"diagnosis": Diagnosis.FromString(answer).name, **fields})
    return edge.unary("synthoscope.api.classification.v1.DiagnosisService/GiveFeedback", request)


def _study(edge: EdgeProcess, **fields: object) -> list[bytes]:
    fields = {"parent": TENANT, "images": [f"{TENANT}/images/{'ab' * 32}"], "model_version": edge.model, **fields}
    request = diagnoses.DiagnoseImagingStudyRequest(**fields)
    return edge.unary("synthoscope.api.classification.v1.DiagnosisService/DiagnoseImagingStudy", request)


def _load(edge: EdgeProcess, parameter: str) -> list[bytes]:
    request = inference.RepositoryModelLoadRequest(model_name="cnn")
    request.parameters[parameter].string_param = NAME
    return edge.unary(LOAD, request)


_SOMEBODY = f"{NAME}\n"
FIELDS = {
    "Diagnose parent": lambda edge: diagnose(edge, parent=NAME),
    "Diagnose model_version": lambda edge: diagnose(edge, model_version=f"{TENANT}/models/{NAME}/versions/1"),
    "Diagnose image_name": lambda edge: diagnose(edge, data=None, image_name=f"{TENANT}/images/{NAME}"),
    "Diagnose request_id": lambda edge: diagnose(edge, request_id=_SOMEBODY),
    "DiagnoseImagingStudy images": lambda edge: _study(edge, images=[f"{TENANT}/images/{NAME}"]),
    "DiagnoseImagingStudy request_id": lambda edge: _study(edge, request_id=_SOMEBODY),
    "ListDiagnoses model": lambda edge: _list(edge, model=NAME),
    "ListDiagnoses page_token": lambda edge: _list(edge, page_token=NAME),
    "GiveFeedback diagnosis": lambda edge: _feedback(edge, diagnosis=NAME),
    "GiveFeedback label": lambda edge: _feedback(edge, label=NAME),
    "UploadImage parent": lambda edge: edge.upload(pictures.good_png(), parent=NAME),
    "UploadImage sha256": lambda edge: edge.upload(pictures.good_png(), media_type=NAME),
    "UploadImages parent": lambda edge: _upload_many(edge, parent=NAME),
    "UploadImages label": lambda edge: _upload_many(edge, label=f"{NAME}.png"),
    "ModelInfer model_name": lambda edge: infer(edge, np.zeros((1, 8, 8, 3), np.uint8), "UINT8", model=NAME),
    "ModelInfer name of a tensor": lambda edge: infer(edge, np.zeros((1, 8, 8, 3), np.uint8), "UINT8", NAME),
    "ModelInfer datatype": lambda edge: infer(edge, np.zeros((1, 8, 8, 3), np.uint8), NAME),
    "RepositoryModelLoad parameter": lambda edge: _load(edge, NAME),
    "RepositoryModelLoad version": lambda edge: _load(edge, "version"),
    "GetJob name": lambda edge: edge.unary(f"{JOBS}/GetJob", jobs.GetJobRequest(name=f"{TENANT}/jobs/{NAME}")),
    "ListJobs page_token": lambda edge: edge.unary(
        f"{JOBS}/ListJobs", jobs.ListJobsRequest(parent=TENANT, page_token=NAME)
    ),
    "WatchJob after": lambda edge: edge.unary(
        f"{JOBS}/WatchJob", jobs.WatchJobRequest(name=f"{TENANT}/jobs/none", after=NAME)
    ),
}
"""A field of text with the patient's name in it, each."""
