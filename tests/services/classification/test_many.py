"""The client and the command that diagnose many images, against the service with a model that needs no training."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from seen_brightness import CLASSES, SeenBrightness
from typer.testing import CliRunner

from services.classification.classifiers import Classifiers
from services.classification.servicer import DiagnosisServicer
from synthoscope import models
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnosisError
from synthoscope.api.classification.v1.classification_service_pb2_grpc import add_DiagnosisServiceServicer_to_server
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.cli.app import app
from synthoscope.client import Client, ClientSettings
from synthoscope.images.intake import Intake
from synthoscope.images.servicer import ImageServicer
from synthoscope.images.storage import encode_png
from synthoscope.jobs.memory import InMemoryJobStore, InMemoryWorkQueue
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import NotFound
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server
from synthoscope.saliency.request import Explanations
from synthoscope.trail import Trail


@pytest.fixture
def settings(decoders, pseudonyms, monkeypatch):
    objects = InMemoryObjectStore()
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, image_size=8)
    models.publish(objects, "tenants/default/models/cnn", record, {})
    intake = Intake(objects, pseudonyms, decoders)
    explanations = Explanations(objects, InMemoryWorkQueue(limit=2))
    classifiers = Classifiers(objects, SeenBrightness(objects))
    jobs = Jobs(objects, InMemoryJobStore())
    diagnoses = DiagnosisServicer(intake, explanations, classifiers, Trail(objects), ThreadPoolExecutor(2), jobs)
    registrations = [
        Registration(
            "synthoscope.api.classification.v1.DiagnosisService", add_DiagnosisServiceServicer_to_server, diagnoses
        ),
        Registration(
            "synthoscope.api.images.v1.ImageService", add_ImageServiceServicer_to_server, ImageServicer(intake)
        ),
    ]
    with running_server(registrations) as server:
        monkeypatch.setenv("SYNTHOSCOPE_CLIENT_TOKEN", server.token)
        monkeypatch.setenv("SYNTHOSCOPE_CLIENT_ENDPOINTS__CLASSIFICATION", server.address)
        yield ClientSettings.find()


def png(level, side=20):
    return encode_png(np.full((side, side), level, np.uint8))


def noise(side):
    return encode_png(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def test_many_images_are_diagnosed_in_their_order(settings):
    images = [png(10), b"no image", noise(1300), png(204), png(7)]
    assert len(images[2]) > 4 << 20
    with Client(settings) as client:
        found = list(client.diagnoses.diagnose_many(images, "tenants/default/models/cnn/versions/latest"))
    assert [type(answer) is DiagnosisError for answer in found] == [False, True, False, False, False]
    assert [found[index].label for index in (0, 2, 3, 4)] == ["dark", "dark", "bright", ""]
    assert found[1].code == "INVALID_ARGUMENT"


def test_an_unknown_model_is_the_answer_to_each(settings):
    with Client(settings) as client:
        found = list(client.diagnoses.diagnose_many([png(1), png(2)], "tenants/default/models/none/versions/latest"))
    assert [answer.code for answer in found] == ["NOT_FOUND"] * 2
    with Client(settings) as client, pytest.raises(NotFound):
        client.diagnoses.diagnose(png(1), "tenants/default/models/none/versions/latest")


def test_the_command_prints_a_line_for_each(settings, tmp_path):
    files = []
    for name, data in {"bright": png(204), "broken": b"no image", "strange": png(7)}.items():
        files.append(tmp_path / f"{name}.png")
        files[-1].write_bytes(data)
    command = ["diagnose", *map(str, files), "--model", "cnn"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines[0] == f"{files[0]}: bright (0.800)"
    assert lines[1].startswith(f"{files[1]}: data: ")
    assert lines[2].endswith("is unlike those that the model was trained on")
    as_json = [json.loads(line) for line in CliRunner().invoke(app, [*command, "--json"]).stdout.splitlines()]
    assert [item["file"] for item in as_json] == [str(file) for file in files]
    assert (as_json[0]["label"], as_json[1]["code"]) == ("bright", "INVALID_ARGUMENT")
    refused = CliRunner().invoke(app, [*command, "--explain", str(tmp_path / "out.png")])
    assert refused.exit_code == 1


def test_one_image_is_told_in_full(settings, tmp_path):
    file = tmp_path / "scan.png"
    file.write_bytes(png(204))
    done = CliRunner().invoke(app, ["diagnose", str(file), "--model", "cnn"])
    assert done.exit_code == 0, done.output
    assert "0.8000" in done.output
    file.write_bytes(png(7))
    assert "refused: " in CliRunner().invoke(app, ["diagnose", str(file), "--model", "cnn"]).output
