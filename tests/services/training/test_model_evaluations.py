"""Measuring a published classifier on other images: what is asked for, and what is found."""

import numpy as np
import pytest

from services.training.evaluation_run import measured, read
from services.training.model_evaluations import FILE, evaluation_name
from services.training.model_servicer import ModelServicer
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.jobs.v1.jobs_pb2 import JobKind
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelEvaluation, ModelKind, ModelOutput, ModelVersion
from synthoscope.api.models.v1.models_service_pb2 import (
    GetModelEvaluationRequest,
    ListModelEvaluationsRequest,
    SubmitModelEvaluationRequest,
)
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.prediction import load_classifier
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.importing import import_version
from synthoscope.datasets.loading import load_split
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound
from synthoscope.synthetic import sets

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST
LABELS = ("bright", "dark")


def images_of(objects, counts, seed):
    """Grey noise around the level of its label."""
    generator = np.random.default_rng(seed)
    images = []
    for (split, label), count in counts.items():
        for number in range(count):
            level = 60 if label == "dark" else 190
            pixels = generator.integers(level - 30, level + 30, (20, 20)).astype(np.uint8)
            ref = store_pixels(objects, "default", pixels)
            images.append(DatasetImage(path=f"{split}/{label}/{number}.png", split=split, label=label, image=ref))
    return images


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def own(objects):
    """The dataset that the model was trained on."""
    images = images_of(objects, {(TRAIN, "bright"): 4, (TRAIN, "dark"): 5, (TEST, "bright"): 2, (TEST, "dark"): 3}, 0)
    return import_version(objects, "tenants/default/datasets/own", images).name


@pytest.fixture
def other(objects):
    """That of another hospital: a class more, and four of the first one's training images among the test images."""
    counts = {(TRAIN, "dark"): 1, (TRAIN, "fog"): 1, (TRAIN, "bright"): 1, (TEST, "dark"): 6}
    images = images_of(objects, counts, 1)
    images += images_of(objects, {(TEST, "bright"): 4}, 0)
    return import_version(objects, "tenants/default/datasets/other", images).name


@pytest.fixture
def model(objects, own):
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=LABELS,
        preset="cnn-64",
        image_size=64,
        lineage=Lineage(dataset_version=own),
    )
    weights = dump_weights(build_network("cnn-64", 2).state_dict())
    return models.publish(objects, "tenants/default/models/cnn", record, {WEIGHTS: weights})


@pytest.fixture
def servicer(objects):
    return ModelServicer(objects, Jobs(objects, InMemoryJobStore()))


def request_of(model, dataset, **fields):
    return SubmitModelEvaluationRequest(model_version=model, dataset_version=dataset, **fields)


def evaluation(objects, cache, *arguments, **fields):
    request = request_of(*arguments, **fields)
    classifier = load_classifier(objects, request.model_version)
    return measured(objects, request, classifier, read(objects, request, classifier, PixelCache(cache)))


def test_an_evaluation_is_a_job_on_the_versions_that_latest_was(servicer, objects, model, own):
    request = request_of("tenants/default/models/cnn/versions/latest", "tenants/default/datasets/own/versions/latest")
    job = servicer.SubmitModelEvaluation(request, None)
    assert job.kind == JobKind.JOB_KIND_MODEL_EVALUATION
    asked = servicer._jobs.specification(job.name, SubmitModelEvaluationRequest)
    assert (asked.model_version, asked.dataset_version) == (model.name, own)


def test_answers_are_counted_by_the_models_classes(objects, tmp_path, model, other):
    found = evaluation(objects, tmp_path, model.name, other)
    assert [item.label for item in found.evaluation.classes] == list(LABELS)
    assert [item.support for item in found.evaluation.classes] == [4, 6]
    assert (found.evaluation.split, found.split, found.dataset_version) == ("test", TEST, other)
    classifier = load_classifier(objects, model.name)
    split = load_split(objects, other, TEST, 64, PixelCache(tmp_path), classifier.pipeline)
    said = np.array(LABELS)[classifier.predict(split.images).argmax(axis=1)]
    assert found.evaluation.accuracy == pytest.approx((np.array(split.classes)[split.labels] == said).mean())


@pytest.mark.parametrize(("split", "known", "measured_on"), [(TRAIN, 9, "train"), (TEST, 0, "test")])
def test_it_says_how_many_images_were_trained_with(objects, tmp_path, model, own, split, known, measured_on):
    found = evaluation(objects, tmp_path, model.name, own, split=split)
    assert (found.known, found.evaluation.split) == (known, measured_on)
    assert sum(item.support for item in found.evaluation.classes) == (9 if split == TRAIN else 5)


def test_an_image_that_another_dataset_shares_is_known_too(objects, tmp_path, model, other):
    assert evaluation(objects, tmp_path, model.name, other).known == 4


def test_synthetic_images_are_counted_as_well_when_asked_for(objects, tmp_path, model, own):
    made = [
        SyntheticImage(
            index=index, label="dark", image=store_pixels(objects, "default", np.full((20, 20), 9 + index, np.uint8))
        )
        for index in range(3)
    ]
    name = sets.publish(objects, SyntheticSet(name="tenants/default/syntheticSets/s"), made).name
    found = evaluation(objects, tmp_path, model.name, own, synthetic_sets=[name])
    assert [item.support for item in found.evaluation.classes] == [2, 6]
    assert found.evaluation.groups == 8
    assert list(found.synthetic_sets) == [name]
    assert found.name != evaluation(objects, tmp_path, model.name, own).name


def test_evaluations_are_read_and_listed_and_are_no_model_versions(servicer, objects, tmp_path, model, own, other):
    found = [evaluation(objects, tmp_path, model.name, name) for name in (own, other)]
    records = Records(objects, ModelEvaluation, FILE)
    for item in found:
        records.create(item.name, item)
        assert servicer.GetModelEvaluation(GetModelEvaluationRequest(name=item.name), None) == item
    for parent in (model.name, "tenants/default/models/cnn"):
        listed = servicer.ListModelEvaluations(ListModelEvaluationsRequest(parent=parent), None).model_evaluations
        assert sorted(item.name for item in listed) == sorted(item.name for item in found)
    assert [item.name for item in Records(objects, ModelVersion).all("tenants/default/models")] == [model.name]
    assert evaluation_name(request_of(model.name, own)) == evaluation_name(request_of(model.name, own, split=TEST))


def test_what_cannot_be_measured_says_why(servicer, objects, model, own, other):
    with pytest.raises(FailedPrecondition, match=r"images of fog; the classes of .* are bright, dark"):
        servicer.SubmitModelEvaluation(request_of(model.name, other, split=TRAIN), None)
    only_training = import_version(
        objects, "tenants/default/datasets/train", images_of(objects, {(TRAIN, "dark"): 1, (TRAIN, "bright"): 1}, 2)
    ).name
    with pytest.raises(FailedPrecondition, match="has no test images"):
        servicer.SubmitModelEvaluation(request_of(model.name, only_training), None)
    with pytest.raises(InvalidInput, match="split"):
        servicer.SubmitModelEvaluation(request_of(model.name, own, split=7), None)
    with pytest.raises(InvalidInput, match="tenant"):
        servicer.SubmitModelEvaluation(request_of(model.name, "tenants/other/datasets/own/versions/latest"), None)
    with pytest.raises(NotFound):
        servicer.SubmitModelEvaluation(
            request_of(model.name, own, synthetic_sets=["tenants/default/syntheticSets/no"]), None
        )
    findings = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, output=ModelOutput.MODEL_OUTPUT_FINDINGS)
    for record, why in (
        (findings, "gives findings"),
        (ModelVersion(kind=ModelKind.MODEL_KIND_GAN), "is not a classifier"),
    ):
        name = models.publish(objects, "tenants/default/models/others", record, {}).name
        with pytest.raises(FailedPrecondition, match=why):
            servicer.SubmitModelEvaluation(request_of(name, own), None)
