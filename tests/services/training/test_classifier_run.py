from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from services.training import classifier_run, publishing
from services.training.publishing import publish
from services.training.reading import Task, read_data
from synthoscope import models
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, DuplicateCluster
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.models.v1.models_pb2 import ModelOutput
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.api.training.v1 import training_pb2
from synthoscope.api.training.v1.training_service_pb2 import SubmitClassifierTrainingRequest
from synthoscope.classifier.config import Output
from synthoscope.classifier.data import LabelledPixels
from synthoscope.classifier.loop import Surroundings, train
from synthoscope.classifier.objectives import OneOf, objective_of
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.prediction import load_classifier
from synthoscope.classifier.serving import load_onnx
from synthoscope.datasets.audit import storage
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.importing import import_version
from synthoscope.datasets.loading import load_split
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.storage import store_pixels
from synthoscope.images.strangers import KINDS, strangers
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.redis import RedisSettings
from synthoscope.jobs.submission import Jobs
from synthoscope.jobs.worker import JobWorker
from synthoscope.models import predictions
from synthoscope.models.card import card_json, card_markdown
from synthoscope.models.checks import Complete, NotWorse
from synthoscope.models.weights import dump_weights
from synthoscope.objects import InMemoryObjectStore, ObjectStoreSettings
from synthoscope.onnx_models import OnnxModel
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, NotFound
from synthoscope.synthetic import sets
from synthoscope.training.callbacks import NoCallbacks
from synthoscope.training.parallel import World
from synthoscope_ray.program import Stores
from synthoscope_ray.settings import ProgramSettings, RaySettings

pytestmark = pytest.mark.usefixtures("one_thread")

LABELS = ("above", "below")


def picture(label: str, generator: np.random.Generator) -> np.ndarray:
    pixels = generator.integers(30, 70, (64, 64)).astype(np.uint8)
    left, top = generator.integers(5, 45), 8 if label == "above" else 40
    pixels[top : top + 12, left : left + 12] = 220
    return pixels


def dataset(
    objects: InMemoryObjectStore, train_count: int = 24, test_count: int = 10, clusters: Sequence[DuplicateCluster] = ()
) -> str:
    """An audited version."""
    generator = np.random.default_rng(0)
    images = []
    for number in range(train_count + test_count):
        label = LABELS[number % 2]
        split = Split.SPLIT_TRAIN if number < train_count else Split.SPLIT_TEST
        ref = store_pixels(objects, "default", picture(label, generator))
        images.append(DatasetImage(path=f"{number:03}.png", label=label, split=split, image=ref))
    version = import_version(objects, "tenants/default/datasets/spots", images).name
    storage.put(objects, version, DatasetAudit(clusters=clusters))
    return version


def synthetic_set(objects: InMemoryObjectStore, name: str, labels: list[str]) -> str:
    generator = np.random.default_rng(1)
    images = [
        SyntheticImage(index=index, label=label, image=store_pixels(objects, "default", picture(label, generator)))
        for index, label in enumerate(labels)
    ]
    record = SyntheticSet(name=f"tenants/default/syntheticSets/{name}", seed=1)
    return sets.publish(objects, record, images).name


def task(dataset_version: str, *synthetic_sets: str) -> Task:
    message = training_pb2.ClassifierTrainingConfig(
        preset="cnn-64", epochs=3, batch_size=4, validation_fraction=0.25, seed=3, augmentation={}
    )
    return Task(
        job="tenants/default/jobs/j1",
        dataset_version=dataset_version,
        synthetic_sets=synthetic_sets,
        model="tenants/default/models/spots",
        config=from_message(message),
        threads=1,
    )


@pytest.fixture
def cache(tmp_path):
    return PixelCache(tmp_path)


def test_a_trained_classifier_is_measured_and_published(cache):
    objects = InMemoryObjectStore()
    # 24 training images; the first two of ten test images are said to be copies of one of them and of each other.
    clusters = [DuplicateCluster(paths=["003.png", "024.png"]), DuplicateCluster(paths=["024.png", "025.png"])]
    clusters += [DuplicateCluster(paths=["030.png", "031.png"])]
    work = task(dataset(objects, clusters=clusters))
    data, classes = read_data(objects, work, cache)
    final = train(work.config, data, OneOf(classes), Surroundings())
    phases = []
    version = publish(objects, work, final, cache, phases.append)
    assert [phases[0], *phases[-2:]] == ["calibrating", "measuring robustness: jpeg", "publishing"]
    assert models.get(objects, "tenants/default/models/spots/versions/latest") == version
    assert list(version.classes) == list(LABELS)
    assert (version.preset, version.image_size) == ("cnn-64", 64)
    assert version.lineage.job == work.job
    assert version.lineage.dataset_version == work.dataset_version
    assert version.preprocessing == Pipeline().sized(64).to_message()
    assert version.config["threads"] == 1
    assert [evaluation.split for evaluation in version.evaluations] == ["test", "test-deduplicated", "validation"]
    assert [sum(metrics.support for metrics in item.classes) for item in version.evaluations] == [10, 8, 6]
    assert [item.left_out for item in version.evaluations] == [0, 2, 0]
    validation = version.evaluations[2]
    assert list(validation.grouped_by) == ["copies"]
    best = min(final.state["curves"]["validation_loss"])
    epoch = final.state["curves"]["validation_loss"].index(best)
    assert validation.accuracy == pytest.approx(final.state["curves"]["validation_accuracy"][epoch])
    assert {curve.metric for curve in version.curves} >= {"training_loss", "validation_accuracy"}
    assert list(version.curves[0].steps) == [1, 2, 3]
    test = load_split(objects, work.dataset_version, Split.SPLIT_TEST, 64, cache)
    served = load_classifier(objects, version.name).predict(test.images).argmax(1)
    right = served == test.labels
    assert right.mean() == pytest.approx(version.evaluations[0].accuracy)
    assert right[2:].mean() == pytest.approx(version.evaluations[1].accuracy)
    assert publish(objects, work, final, cache) == version


@pytest.mark.parametrize("evaluation_crop", [0.0, 0.25])
def test_a_version_carries_what_makes_its_answers_reliable(cache, evaluation_crop):
    objects = InMemoryObjectStore()
    work = task(dataset(objects))
    work = replace(work, config=replace(work.config, evaluation_crop=evaluation_crop))
    data, classes = read_data(objects, work, cache)
    version = publish(objects, work, train(work.config, data, OneOf(classes)), cache)
    assert {file.path for file in version.files} >= {
        "weights.safetensors", "model.onnx", "features.safetensors", "card.md", "card.json",
        "predictions/test.json", "predictions/validation.json",
    }  # fmt: skip
    reliability = version.reliability
    assert reliability.temperature > 0
    assert (reliability.conformal.coverage, reliability.conformal.images) == (0.9, 6)
    assert reliability.HasField("export_difference")
    assert 0 <= reliability.export_difference <= 1e-4
    assert set(reliability.out_of_distribution.refused) == set(KINDS)
    assert set(reliability.explanation_scales) == set(LABELS)
    assert {item.name for item in reliability.histograms} == {
        "brightness", "contrast", "sharpness", "confidence", "out_of_distribution",
    }  # fmt: skip
    assert len(version.robustness) == 31
    official = version.evaluations[0]
    assert official.intervals["accuracy"].low <= official.accuracy <= official.intervals["accuracy"].high
    assert official.HasField("refused")
    said = predictions.read(objects, version, "test")
    assert np.mean(np.array(said.labels) == said.predicted) == pytest.approx(official.accuracy)
    images = load_split(objects, work.dataset_version, Split.SPLIT_TEST, 64, cache).images
    served, exported = load_classifier(objects, version.name), load_onnx(objects, version.name)
    answers = served.answer(images)
    without_torch = exported.answer(images)
    assert np.allclose(without_torch.probabilities, answers.probabilities, atol=1e-4)
    assert np.allclose(without_torch.strangeness, answers.strangeness, rtol=1e-3)
    assert np.array_equal(without_torch.sets, answers.sets)
    border = np.ones((64, 64), bool)
    border[8:56, 8:56] = False
    framed = np.where(border[:, :, None], np.uint8(255), images)
    unseen = np.allclose(served.predict(framed), answers.probabilities, atol=1e-6)
    assert unseen == (evaluation_crop > 0)
    assert answers.refused.mean() == pytest.approx(official.refused)
    assert answers.sets.shape == (10, 2)
    labels = [LABELS.index(said.classes[label]) for label in said.labels]
    assert official.set_coverage == pytest.approx(answers.sets[np.arange(10), labels].mean())
    assert official.mean_set_size == pytest.approx(answers.sets.sum(axis=1).mean())
    assert served.answer(strangers("text", 5, 64)).refused.all()
    found = [check.check(objects, version, version) for check in (Complete(), NotWorse(fewest_groups=10))]
    assert [item.passed for item in found] == [True, True]
    assert "10 test images" in found[1].reason
    assert card_json(version)["results"][0]["scores"]["accuracy"]["value"] == official.accuracy
    assert "not calibrated" not in card_markdown(version)


def test_a_version_with_an_operating_point_is_measured_as_it_answers(cache):
    objects = InMemoryObjectStore()
    work = task(dataset(objects))
    # So that all but one of the 3 held-out images are enough.
    work = replace(work, config=replace(work.config, operating_label="above", operating_sensitivity=0.75))
    data, classes = read_data(objects, work, cache)
    version = publish(objects, work, train(work.config, data, OneOf(classes)), cache)
    point = version.reliability.operating_point
    assert (point.label, point.sensitivity, point.images) == ("above", 0.75, 3)
    validation = next(item for item in version.evaluations if item.split == "validation")
    assert next(item.recall for item in validation.classes if item.label == "above") == 1
    classifier = load_classifier(objects, version.name)
    images = data.validation.images[data.validation.labels == classes.index("above")]
    assert classifier.predict(images)[:, classes.index("above")].min() == pytest.approx(point.threshold, abs=1e-6)
    test = load_split(objects, work.dataset_version, Split.SPLIT_TEST, 64, cache)
    answered = classifier.answer(test.images).predicted
    assert predictions.read(objects, version, "test").predicted == tuple(answered.tolist())
    assert (answered == test.labels).mean() == pytest.approx(version.evaluations[0].accuracy)
    assert version.robustness[0].accuracy == pytest.approx(version.evaluations[0].accuracy)
    assert card_json(version)["operating_point"]["threshold"] == point.threshold
    assert "above is answered from a probability of" in card_markdown(version)


def test_examples_of_the_export_are_of_all_classes():
    labels = np.array([0] * 50 + [1] * 3 + [2] * 47)
    images = np.broadcast_to(labels[:, None, None, None].astype(np.uint8), (100, 2, 2, 3))
    found = publishing._examples(LabelledPixels(images, labels))[:, 0, 0, 0]
    assert np.bincount(found).tolist() == [7, 3, 6]


def test_an_export_that_says_something_else_than_torch_is_not_published(cache, monkeypatch):
    objects = InMemoryObjectStore()
    work = task(dataset(objects, test_count=0))
    data, classes = read_data(objects, work, cache)
    final = train(work.config, data, OneOf(classes))
    compute = OnnxModel.__call__
    monkeypatch.setattr(OnnxModel, "__call__", lambda model, rows: tuple(item + 3e-4 for item in compute(model, rows)))
    with pytest.raises(DataLoss, match=r"the ONNX model's .* differ from torch's"):
        publish(objects, work, final, cache)
    assert not list(objects.list(work.model))
    monkeypatch.undo()
    assert publish(objects, work, final, cache) == models.get(objects, f"{work.model}/versions/latest")


def test_a_training_whose_loss_is_no_number_publishes_nothing(tmp_path, monkeypatch):
    settings = ProgramSettings(
        objects=ObjectStoreSettings(endpoint="127.0.0.1:1", access_key="a", secret_key="s"),
        redis=RedisSettings(host="127.0.0.1", port=1),
        ray=RaySettings(worker_threads=1),
        cache_dir=tmp_path,
    )
    stores = Stores(settings, InMemoryObjectStore(), InMemoryJobStore())
    request = SubmitClassifierTrainingRequest(
        parent="tenants/default",
        dataset_version=dataset(stores.objects),
        model_id="spots",
        config={"preset": "cnn-64", "epochs": 2, "batch_size": 4},
    )
    job = Jobs(stores.objects, stores.jobs).submit("default", JobKind.CLASSIFIER_TRAINING, request)
    # The loop on this process instead of Ray's workers.
    monkeypatch.setattr(classifier_run, "open_stores", lambda: stores)
    monkeypatch.setattr(
        classifier_run.trainer, "run", lambda worker, stores, loop, workers: loop(World(), NoCallbacks(), None)
    )
    monkeypatch.setattr(OneOf, "losses", lambda objective, logits, labels, smoothing: logits.sum(dim=1) * float("nan"))
    with pytest.raises(FailedPrecondition, match="the training loss became nan at step 0"):
        classifier_run.main(JobWorker(stores.jobs, stores.objects, job.name, 1), stores)
    assert not list(stores.objects.list("tenants/default/models"))


def test_findings_are_trained_on_and_measured_one_by_one(cache):
    objects = InMemoryObjectStore()
    generator = np.random.default_rng(0)
    images = []
    for number in range(40):
        # A combination of which there is a single training image, and a test image that has no like in training.
        rare = {3: "above|below|left", 35: "below|left", 36: "left", **dict.fromkeys((0, 4, 8, 12), "left")}
        label = rare.get(number) or ("none", "above", "below", "above|below")[number % 4]
        pixels = np.zeros((64, 64), np.uint8) + 40
        for place in LABELS:
            if place in label:
                pixels = np.maximum(pixels, picture(place, generator))
        if "left" in label:
            pixels[:, :5] = 240
        split = Split.SPLIT_TRAIN if number < 28 else Split.SPLIT_TEST
        ref = store_pixels(objects, "default", pixels)
        images.append(DatasetImage(path=f"{number:03}.png", label=label, split=split, image=ref))
    version = import_version(objects, "tenants/default/datasets/spots", images).name
    storage.put(objects, version, DatasetAudit())
    config = replace(task(version).config, output=Output.FINDINGS, no_finding="none", epochs=12)
    work = replace(task(version), config=config)
    data, labels = read_data(objects, work, cache)
    objective = objective_of(config, labels, data.training.counts(len(labels)))
    published = publish(objects, work, train(config, data, objective), cache)
    assert published.output == ModelOutput.MODEL_OUTPUT_FINDINGS
    assert list(published.classes) == [*LABELS, "left"]
    official = published.evaluations[0]
    assert [item.support for item in official.classes] == [5, 6, 2]
    assert official.auroc > 0.8
    assert not published.reliability.HasField("conformal")
    assert not official.HasField("set_coverage")
    said = predictions.read(objects, published, "test")
    assert [said.classes[label] for label in said.labels[:4]] == ["", "above", "below", "above|below"]
    assert np.mean(np.equal(said.labels, said.predicted)) == pytest.approx(official.accuracy)
    found = load_classifier(objects, published.name).predict(np.zeros((1, 64, 64, 3), np.uint8))
    assert found.shape == (1, 3)
    assert found.sum() != pytest.approx(1.0)


def test_a_damaged_export_or_bank_is_said_to_be(cache):
    objects = InMemoryObjectStore()
    work = task(dataset(objects, test_count=0))
    data, classes = read_data(objects, work, cache)
    version = publish(objects, work, train(work.config, data, OneOf(classes)), cache)
    files = {file.path: models.read_file(objects, version, file.path) for file in version.files}
    broken = files | {"model.onnx": b"no model", "features.safetensors": dump_weights({"limits": torch.zeros(4)})}
    again = models.publish(objects, work.model, version, broken)
    with pytest.raises(DataLoss, match=r"model.onnx .* is not an ONNX model"):
        load_onnx(objects, again.name)
    with pytest.raises(DataLoss, match=r"features\.safetensors"):
        load_classifier(objects, again.name)


def test_when_every_test_image_has_a_copy_none_is_left_to_measure_on(cache):
    objects = InMemoryObjectStore()
    copies = DuplicateCluster(paths=["000.png", "024.png", "025.png"])
    work = task(dataset(objects, test_count=2, clusters=[copies]))
    data, classes = read_data(objects, work, cache)
    final = train(work.config, data, OneOf(classes), Surroundings())
    official, deduplicated, _ = publish(objects, work, final, cache).evaluations
    assert (official.split, len(official.classes)) == ("test", 2)
    assert (deduplicated.split, deduplicated.left_out, len(deduplicated.classes)) == ("test-deduplicated", 2, 0)


def test_what_is_held_out_has_no_copy_in_training_and_is_the_same_in_every_attempt(cache):
    objects = InMemoryObjectStore()
    clusters = [DuplicateCluster(paths=[f"{first + number:03}.png" for number in (0, 2, 4)]) for first in (0, 6, 12)]
    version = dataset(objects, clusters=clusters)
    first, _ = read_data(objects, task(version), cache)
    storage.put(objects, version, DatasetAudit())
    again, _ = read_data(objects, task(version), cache)
    assert np.array_equal(first.validation.images, again.validation.images)
    images = load_split(objects, version, Split.SPLIT_TRAIN, 64, cache)
    held = {
        path
        for path, image in zip(images.paths, images.images, strict=True)
        if (first.validation.images == image).all((1, 2, 3)).any()
    }
    assert len(held) == 6
    assert all(len(held & set(cluster.paths)) in (0, 3) for cluster in clusters)


def test_what_was_not_audited_is_not_trained_on(cache):
    objects = InMemoryObjectStore()
    version = dataset(objects)
    objects.delete(f"{version}/audit/audit.json")
    with pytest.raises(FailedPrecondition, match="was not audited"):
        read_data(objects, task(version), cache)


def test_without_a_test_split_there_is_no_test_evaluation(cache):
    objects = InMemoryObjectStore()
    work = task(dataset(objects, test_count=0))
    data, classes = read_data(objects, work, cache)
    final = train(work.config, data, OneOf(classes), Surroundings())
    assert [evaluation.split for evaluation in publish(objects, work, final, cache).evaluations] == ["validation"]


def test_synthetic_images_are_trained_on_and_never_held_out(cache):
    objects = InMemoryObjectStore()
    version = dataset(objects)
    first = synthetic_set(objects, "s1", ["above"] * 3)
    second = synthetic_set(objects, "s2", ["below"] * 4)
    real, _ = read_data(objects, task(version), cache)
    both, _ = read_data(objects, task(version, first, second), cache)
    assert len(both.training) == len(real.training) + 7
    assert both.training.labels[-7:].tolist() == [0] * 3 + [1] * 4
    assert np.array_equal(both.validation.images, real.validation.images)


def test_synthetic_images_alone_are_learned_and_real_ones_choose(cache):
    objects = InMemoryObjectStore()
    version = dataset(objects)
    made = synthetic_set(objects, "s1", ["above"] * 5 + ["below"] * 6)
    real, _ = read_data(objects, task(version), cache)
    alone = replace(task(version, made), synthetic_only=True)
    data, classes = read_data(objects, alone, cache)
    assert data.training.labels.tolist() == [0] * 5 + [1] * 6
    assert np.array_equal(data.validation.images, real.validation.images)
    record = publish(objects, alone, train(alone.config, data, OneOf(classes)), cache)
    assert record.lineage.synthetic_only
    assert "It learned from synthetic images alone" in card_markdown(record)
    assert record.reliability.HasField("out_of_distribution")


def test_what_cannot_be_trained_on_says_why(cache):
    objects = InMemoryObjectStore()
    version = dataset(objects)
    with pytest.raises(FailedPrecondition, match="stroke"):
        read_data(objects, task(version, synthetic_set(objects, "s1", ["stroke"])), cache)
    with pytest.raises(FailedPrecondition, match="no class"):
        read_data(objects, task(version, synthetic_set(objects, "s2", [""])), cache)
    with pytest.raises(NotFound):
        read_data(objects, task(version, "tenants/default/syntheticSets/none"), cache)
    with pytest.raises(NotFound):
        read_data(objects, task("tenants/default/datasets/none/versions/latest"), cache)
