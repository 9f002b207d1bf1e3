import json

import numpy as np
import pytest
import safetensors.numpy
from rich.console import Console
from typer.testing import CliRunner

from services.training.model_servicer import ModelServicer
from services.training.servicer import TrainingServicer
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import ClassCount, DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import (
    ClassMetrics,
    ConfusionRow,
    Evaluation,
    Lineage,
    ModelKind,
    ModelVersion,
)
from synthoscope.api.models.v1.models_service_pb2_grpc import add_ModelServiceServicer_to_server
from synthoscope.api.training.v1.training_service_pb2 import SubmitClassifierTrainingRequest
from synthoscope.api.training.v1.training_service_pb2_grpc import add_TrainingServiceServicer_to_server
from synthoscope.cli import classifier
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.models.promotion import promote
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

MODEL = "tenants/default/models/cnn"


def test_what_was_measured_says_on_which_images(monkeypatch):
    console = Console(width=200, record=True)
    monkeypatch.setattr(classifier, "console", console)
    measured = Evaluation(
        split="validation",
        accuracy=0.75,
        classes=[ClassMetrics(label="sick", support=4)],
        confusion=[ConfusionRow(counts=[4])],
        grouped_by=["copies", "patients"],
    )
    name = "tenants/default/models/c/versions/1"
    none_left = Evaluation(split="test-deduplicated", left_out=20)
    classifier.show_version(ModelVersion(name=name, evaluations=[none_left, measured]), as_json=False)
    printed = " ".join(console.export_text().split())
    assert "validation, copies and patients kept out of training: accuracy 0.750" in printed
    assert "test, without copies (and patients) of training images: 0 of 20 images left" in printed


@pytest.fixture
def jobs(monkeypatch):
    """Those of a real server, which has a dataset, and two transfer networks of which the first is the champion."""
    objects = InMemoryObjectStore()
    dataset = "tenants/default/datasets/d/versions/0123456789abcdef"
    counts = [ClassCount(split=Split.SPLIT_TRAIN, label=label, count=40) for label in "ab"]
    Records(objects, DatasetVersion).put(dataset, DatasetVersion(name=dataset, classes="ab", counts=counts))
    Records(objects, DatasetVersion).set_latest(dataset)
    files = {"weights.safetensors": safetensors.numpy.save({"backbone.a": np.ones(1, np.float32)})}
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, preset="resnet50")
    for seed in (1, 2):
        record.lineage.CopyFrom(Lineage(seed=seed))
        models.publish(objects, MODEL, record, files)
        if seed == 1:
            promote(objects, f"{MODEL}/versions/latest", "champion", [])
    jobs = Jobs(objects, InMemoryJobStore())
    registrations = [
        Registration(
            "synthoscope.api.training.v1.TrainingService",
            add_TrainingServiceServicer_to_server,
            TrainingServicer(objects, jobs),
        ),
        Registration(
            "synthoscope.api.models.v1.ModelService",
            add_ModelServiceServicer_to_server,
            ModelServicer(objects, Jobs(objects, InMemoryJobStore())),
        ),
    ]
    with running_server(registrations) as server:
        monkeypatch.setenv("SYNTHOSCOPE_CLIENT_TOKEN", server.token)
        monkeypatch.setenv("SYNTHOSCOPE_CLIENT_ENDPOINTS__TRAINING", server.address)
        yield jobs


@pytest.mark.parametrize("alias", ["champion", "latest"])
@pytest.mark.parametrize("named", ["cnn@{}", f"{MODEL}/versions/{{}}"])
def test_a_training_starts_from_the_version_that_an_alias_stands_for(jobs, named, alias):
    version = models.resolve(jobs.objects, f"{MODEL}/versions/{alias}")
    arguments = ["train", "d", "--preset", "resnet50", "--weights", named.format(alias), "--detach", "--json"]
    done = CliRunner().invoke(classifier.app, arguments, catch_exceptions=False)
    job = json.loads(done.stdout)["name"]
    assert jobs.specification(job, SubmitClassifierTrainingRequest).config.weights == version
