"""The Open Inference Protocol: by the stock Triton client, and by typed contents, which that one does not send."""

import contextlib
import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
from seen_brightness import CLASSES, SeenBrightness

from services.classification.batching import BatchingSettings
from services.classification.classifiers import Classifiers
from services.classification.open_inference_servicer import InferenceServicer
from synthoscope import models
from synthoscope.api.inference.v2 import open_inference_service_pb2 as messages
from synthoscope.api.inference.v2.open_inference_service_pb2_grpc import (
    GRPCInferenceServiceStub,
    add_GRPCInferenceServiceServicer_to_server,
)
from synthoscope.api.models.v1.models_pb2 import ConformalPrediction, ModelKind, ModelVersion, Reliability
from synthoscope.images.intake import Intake
from synthoscope.models.promotion import promote
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import ResourceExhausted, Unavailable
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.trail import Trail, entries

TENANT = "tenants/default"
SIDE = 8
CLIENT = Path(__file__).parents[2] / "triton_client.py"


class Platform:
    def __init__(self):
        self.objects = InMemoryObjectStore()
        self.model = SeenBrightness(self.objects)
        self.ready = True
        self.gan = publish(self.objects, "gan", ModelVersion(kind=ModelKind.MODEL_KIND_GAN))
        self.classifier = publish(self.objects, "cnn", classifier())

    def check(self):
        if not self.ready:
            raise Unavailable("no replica of the model runs")


def classifier(**fields):
    sets = Reliability(conformal=ConformalPrediction(coverage=0.9, threshold=-float(np.log(0.3))))
    return ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=SIDE, reliability=sets, **fields
    )


def publish(objects, name, record):
    files = {"weights.safetensors": record.SerializeToString()}
    return models.publish(objects, f"{TENANT}/models/{name}", record, files).name


@pytest.fixture
def platform(decoders, pseudonyms):
    platform = Platform()
    intake = Intake(platform.objects, pseudonyms, decoders)
    classifiers = Classifiers(platform.objects, platform.model, BatchingSettings(max_batch=4, max_queue=4))
    platform.classifiers = classifiers
    servicer = InferenceServicer(intake, classifiers, Trail(platform.objects), platform.check, ThreadPoolExecutor(2))
    registration = Registration("inference.GRPCInferenceService", add_GRPCInferenceServiceServicer_to_server, servicer)
    with running_server([registration]) as server, open_channel(server.address, server.token) as channel:
        platform.server, platform.stub = server, GRPCInferenceServiceStub(channel)
        yield platform


def images(levels, datatype="UINT8", field="uint_contents"):
    values = np.repeat(np.array(levels), SIDE * SIDE * 3).tolist()
    contents = messages.InferTensorContents(**{field: values})
    shape = [len(levels), SIDE, SIDE, 3]
    return messages.ModelInferRequest.InferInputTensor(name="images", datatype=datatype, shape=shape, contents=contents)


def infer(platform, *inputs, **fields):
    request = messages.ModelInferRequest(**{"model_name": "cnn", "inputs": inputs, **fields})
    return platform.stub.ModelInfer(request, timeout=10)


def refusal(platform, *inputs, **fields):
    with pytest.raises(grpc.RpcError) as error:
        infer(platform, *inputs, **fields)
    return error.value.code().name, error.value.details()


@pytest.fixture
def seen(platform):
    command = [sys.executable, str(CLIENT), platform.server.address, platform.server.token, str(SIDE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_stock_triton_client_works_as_it_is(platform, seen):
    version = platform.classifier.rpartition("/")[2]
    assert (seen["live"], seen["ready"], seen["model"]) == (True, True, [True, False, False])
    assert seen["server"]["name"] == "synthoscope"
    assert seen["metadata"]["versions"] == [version]
    assert [(item["name"], item["datatype"], item["shape"]) for item in seen["metadata"]["inputs"]] == [
        ("images", "UINT8", ["-1", "8", "8", "3"]),
        ("files", "BYTES", ["-1"]),
    ]
    assert {item["name"] for item in seen["metadata"]["outputs"]} == set(seen["outputs"])
    assert seen["index"] == {"models": [{"name": "cnn", "version": version, "state": "READY"}]}
    assert (seen["id"], seen["version"], seen["classes"]) == ("mine", version, "dark|bright")
    probabilities = np.array(seen["outputs"]["probabilities"], float)
    assert probabilities == pytest.approx(np.array([[1, 0], [0.2, 0.8], [1 - 7 / 255, 7 / 255]]), abs=1e-6)
    assert seen["outputs"]["refused"] == ["False", "False", "True"]
    assert seen["outputs"]["label"] == ["dark", "bright", ""]
    assert seen["outputs"]["strangeness"] == ["0.5", "0.5", "1.5"]
    assert seen["outputs"]["prediction_set"][:2] == [["True", "False"], ["False", "True"]]
    assert np.array(seen["floats"]) == pytest.approx(probabilities, abs=1e-6)
    assert (seen["files"], seen["asked"]) == (["bright", ""], ["label"])
    assert platform.model.told == [("load", platform.classifier), ("forget", platform.classifier)]
    assert seen["without token"] == "StatusCode.UNAUTHENTICATED"


def test_the_stock_triton_client_is_told_what_is_wrong(seen):
    codes = {name: text.partition(":")[0].removeprefix("StatusCode.") for name, text in seen["refusals"].items()}
    assert codes == {
        "model": "NOT_FOUND",
        "gan": "FAILED_PRECONDITION",
        "version": "NOT_FOUND",
        **dict.fromkeys(
            ("name", "datatype", "size", "nan", "range", "output", "file", "two"),
            "INVALID_ARGUMENT",
        ),
    }
    for name, part in {
        "name": "images or files",
        "datatype": "UINT8, FP32 or BYTES",
        "size": "8×8×3",
        "nan": "[0, 255]",
        "output": "outputs[0].name",
        "file": "inputs[0].files",
    }.items():
        assert part in seen["refusals"][name]


@pytest.mark.parametrize(("datatype", "field"), [("UINT8", "uint_contents"), ("FP32", "fp32_contents")])
def test_typed_contents_are_answered_by_typed_contents(platform, datatype, field):
    answer = infer(platform, images([204, 7], datatype, field))
    found = {output.name: output for output in answer.outputs}
    assert not answer.raw_output_contents
    assert list(found["probabilities"].shape) == [2, 2]
    assert found["probabilities"].contents.fp32_contents[:2] == pytest.approx([0.2, 0.8], abs=1e-6)
    assert list(found["label"].contents.bytes_contents) == [b"bright", b""]
    assert list(found["refused"].contents.bool_contents) == [False, True]


def test_more_images_than_fit_into_the_queue_are_asked_in_turns(platform):
    levels = list(range(100, 111))
    answer = infer(platform, images(levels))
    bright = answer.outputs[0].contents.fp32_contents[1::2]
    assert bright == pytest.approx([level / 255 for level in levels], abs=1e-6)
    assert max(count for _, count in platform.model.calls) <= 4


def test_every_image_is_on_the_audit_trail(platform):
    infer(platform, images([1, 204]))
    found = list(entries(platform.objects))
    assert [(item.action, item.outcome, item.subject) for item in found] == [("ModelInfer", "OK", "local")] * 2
    assert {item.model_version for item in found} == {platform.classifier}
    sent = [hashlib.sha256(bytes([level]) * SIDE * SIDE * 3).hexdigest() for level in (1, 204)]
    assert [item.image_sha256 for item in found] == sent


def test_no_images_are_no_trouble(platform):
    answer = infer(platform, images([]))
    assert [list(output.shape) for output in answer.outputs] == [[0, 2], [0], [0], [0], [0, 2]]


def test_the_champion_is_asked_where_no_version_is_named(platform):
    newer = publish(platform.objects, "cnn", classifier(preset="newer"))
    assert infer(platform, images([1])).model_version == newer.rpartition("/")[2]
    promote(platform.objects, platform.classifier, "champion", [])
    assert infer(platform, images([1])).model_version == platform.classifier.rpartition("/")[2]
    assert infer(platform, images([1]), model_version="latest").model_version == newer.rpartition("/")[2]


def test_without_a_replica_the_server_is_not_ready(platform):
    platform.ready = False
    assert not platform.stub.ServerReady(messages.ServerReadyRequest()).ready
    assert platform.stub.ServerLive(messages.ServerLiveRequest()).live


@pytest.mark.parametrize(
    ("raw", "shape", "part"),
    [
        ([b"\x00" * 191], [1, 8, 8, 3], "there are 191"),
        ([b"\x00" * 192, b""], [1, 8, 8, 3], "every input"),
        ([b"\x00" * 192], [-1, 8, 8, -3], "negative"),
        ([b"\x00" * 192], [1 << 40, 1 << 40], "not negative"),
        ([b"\x00" * 192], [1] * 65, "at most 4"),
        ([b""], [0, 2048, 2048, 2048], "8×8×3"),
    ],
)
def test_raw_contents_that_are_not_as_said(platform, raw, shape, part):
    tensor = messages.ModelInferRequest.InferInputTensor(name="images", datatype="UINT8", shape=shape)
    code, details = refusal(platform, tensor, raw_input_contents=raw)
    assert code == "INVALID_ARGUMENT"
    assert part in details


def test_contents_that_are_not_as_said(platform):
    assert "[0, 255]" in refusal(platform, images([256]))[1]
    files = messages.ModelInferRequest.InferInputTensor(name="files", datatype="BYTES", shape=[1])
    assert "ends within" in refusal(platform, files, raw_input_contents=[b"\x09\x00\x00\x00short"])[1]
    floats = messages.ModelInferRequest.InferInputTensor(name="images", datatype="FP32", shape=[1, 8, 8, 3])
    assert "no whole number" in refusal(platform, floats, raw_input_contents=[b"\x00" * 7])[1]
    both = images([1])
    assert "besides" in refusal(platform, both, raw_input_contents=[b"\x00" * 192])[1]
    assert refusal(platform)[0] == "INVALID_ARGUMENT"
    assert refusal(platform, images([1]), model_name="../x")[0] == "INVALID_ARGUMENT"


def test_parameters_of_loading(platform):
    parameters = {"version": messages.ModelRepositoryParameter(string_param="latest")}
    platform.stub.RepositoryModelLoad(
        messages.RepositoryModelLoadRequest(model_name="cnn", parameters=parameters), timeout=10
    )
    assert platform.model.told == [("load", platform.classifier)]
    unknown = {"config": messages.ModelRepositoryParameter(string_param="{}")}
    with pytest.raises(grpc.RpcError, match="parameters: may be version"):
        platform.stub.RepositoryModelLoad(
            messages.RepositoryModelLoadRequest(model_name="cnn", parameters=unknown), timeout=10
        )


def test_a_call_that_has_a_place_is_answered_however_many_wait(platform):
    room = platform.classifiers
    with contextlib.ExitStack() as places:
        with contextlib.suppress(ResourceExhausted):
            while True:
                places.enter_context(room.place())
        with pytest.raises(grpc.RpcError) as error:
            infer(platform, images([1]))
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        places.pop_all().close()
        for _ in range(11):  # one is left
            places.enter_context(room.place())
        assert infer(platform, images([1, 2])).outputs
