"""The demo's pipeline on a real stack, with a budget of seconds."""

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from synthoscope.api.training.v1.training_pb2 import GanTrainingConfig
from synthoscope.client import Client
from synthoscope.client.datasets import ImportProgress
from synthoscope.demo import report
from synthoscope.demo.budget import DemoBudget
from synthoscope.demo.pipeline import Demo
from synthoscope.rpc.errors import AlreadyExists, Cancelled

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

TINY = dataclasses.replace(
    DemoBudget(),
    gan_images=320,
    gan_batch_size=32,
    classifier_images=1_600,
    most_classifier_epochs=10,
    synthetic_per_class=10,
    trials=2,
    trial_images=120,
    classifier_trial_epochs=2,
    gan_trial_epochs=1,
)


class SilentDisplay:
    def __init__(self, client: Client) -> None:
        self._client = client

    @contextmanager
    def upload(self, title: str) -> Iterator[ImportProgress]:
        yield lambda phase, done, total: None

    def follow(self, job, title):
        return self._client.jobs.wait(job.name)


def test_pipeline_from_images_to_explained_diagnoses(client, phantoms, tmp_path):
    demo = Demo(client, phantoms, "pipeline", TINY, SilentDisplay(client))
    report.write(demo.run(time.monotonic()), tmp_path)

    summary = json.loads((tmp_path / "summary.json").read_text())
    classes = ["glioma", "meningioma", "notumor", "pituitary"]
    assert summary["dataset"]["counts"] == {"train": dict.fromkeys(classes, 40), "test": dict.fromkeys(classes, 10)}
    assert summary["gan"]["state"] == "SUCCEEDED"
    assert summary["gan"]["images_per_second"] > 0
    assert summary["synthetic"]["count"] == 40
    for arm in ("real", "real_plus_synthetic"):
        assert 0 <= summary["classifier"][arm]["macro_f1"] <= 1
        assert summary["classifier"][arm]["split"] == "test"
        assert summary["classifier"][arm]["deduplicated"]["images"] <= 40
    assert summary["audit"]["test_with_twin_in_train"]["all"]["of"] == 40
    for study in ("classifier", "gan"):
        assert summary["tuning"][study]["trials"] == 2
        assert summary["tuning"][study]["best"]["parameters"]
    assert [item["truth"] for item in summary["diagnoses"]] == classes
    for item in summary["diagnoses"]:
        assert sum(item["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert (tmp_path / item["explanation"]).read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in (tmp_path / "report.html").read_text()


def test_importing_again_gives_the_same_version(client, phantoms, dataset):
    assert client.datasets.import_source(phantoms, "e2e").name == dataset


def test_same_seed_gives_the_same_synthetic_images(client, gan):
    sets = [client.jobs.wait(client.synthesis.generate(gan, {"glioma": 3}, seed=5).name).result for _ in range(2)]
    first, second = ([image.image.sha256 for image in client.synthesis.images(name)] for name in sets)
    assert first == second
    assert len(set(first)) == 3


def test_submitting_twice_with_one_request_id_gives_one_job(client, dataset):
    config = GanTrainingConfig(preset="dcgan-64", epochs=1, batch_size=32)
    first = client.models.train_gan(dataset, "twice", config, request_id="twice")
    assert client.models.train_gan(dataset, "twice", config, request_id="twice").name == first.name
    config.epochs = 2
    with pytest.raises(AlreadyExists):
        client.models.train_gan(dataset, "twice", config, request_id="twice")
    client.jobs.cancel(first.name)
    with pytest.raises(Cancelled):
        client.jobs.wait(first.name)
