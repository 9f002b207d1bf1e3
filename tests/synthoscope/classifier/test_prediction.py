from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.networks import build_network, to_input
from synthoscope.classifier.prediction import load_classifier
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput, NotFound

CLASSES = ("glioma", "meningioma", "notumor")
PARENT = "tenants/default/models/tumours"


def publish(objects, weights=None, **fields) -> str:
    record = ModelVersion(
        **{"kind": ModelKind.MODEL_KIND_CLASSIFIER, "classes": CLASSES, "preset": "cnn-64", "image_size": 64} | fields
    )
    weights = build_network("cnn-64", 3, seed=1).state_dict() if weights is None else weights
    return models.publish(objects, PARENT, record, {WEIGHTS: dump_weights(weights)}).name


def some_images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3)).astype(np.uint8)


def test_a_published_classifier_predicts_what_its_network_does():
    objects = InMemoryObjectStore()
    classifier = load_classifier(objects, publish(objects))
    assert (classifier.classes, classifier.image_size) == (CLASSES, 64)
    images = some_images(300)
    probabilities = classifier.predict(images)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (300, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    expected = build_network("cnn-64", 3, seed=1)(to_input(torch.from_numpy(images))).softmax(1).detach().numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_latest_can_be_loaded_and_no_images_are_no_trouble():
    objects = InMemoryObjectStore()
    name = publish(objects)
    classifier = load_classifier(objects, f"{PARENT}/versions/latest")
    assert classifier.record.name == name
    assert classifier.predict(some_images(0)).shape == (0, 3)


def test_threads_get_their_own_answers():
    objects = InMemoryObjectStore()
    classifier = load_classifier(objects, publish(objects))
    batches = [some_images(8)[index:] for index in range(8)]
    expected = [classifier.predict(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for index, answer in enumerate(pool.map(classifier.predict, batches * 10)):
            np.testing.assert_allclose(answer, expected[index % 8], atol=1e-6)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 32, 32, 3), np.uint8), np.zeros((64, 64, 3), np.uint8), np.zeros((1, 64, 64, 3))]
)
def test_images_of_another_form_are_refused(images):
    objects = InMemoryObjectStore()
    with pytest.raises(InvalidInput, match="uint8, N×64×64×3"):
        load_classifier(objects, publish(objects)).predict(images)


def test_what_cannot_be_loaded_says_why():
    objects = InMemoryObjectStore()
    with pytest.raises(NotFound):
        load_classifier(objects, f"{PARENT}/versions/latest")
    with pytest.raises(FailedPrecondition, match="not a classifier"):
        load_classifier(objects, publish(objects, kind=ModelKind.MODEL_KIND_GAN))
    with pytest.raises(FailedPrecondition, match="resnet"):
        load_classifier(objects, publish(objects, preset="resnet"))
    with pytest.raises(DataLoss, match="not those of its network"):
        load_classifier(objects, publish(objects, weights=build_network("cnn-64", 4).state_dict()))


def test_an_unknown_class_is_named():
    objects = InMemoryObjectStore()
    classifier = load_classifier(objects, publish(objects))
    assert classifier.class_index("meningioma") == 1
    with pytest.raises(InvalidInput, match="label: must be one of the model's classes: glioma"):
        classifier.class_index("stroke")


def test_read_only_images_are_no_trouble():
    objects = InMemoryObjectStore()
    classifier = load_classifier(objects, publish(objects))
    images = some_images(3)
    expected = classifier.predict(images)
    images.flags.writeable = False
    assert np.array_equal(classifier.predict(images), expected)
