import numpy as np
import pytest
import torch

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.embedding import ClassifierFeatures
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.networks.seed1 import HIDDEN_UNITS
from synthoscope.classifier.prediction import Classifier
from synthoscope.metrics.feature_extractor import ClassifyingExtractor


def extractor():
    record = ModelVersion(
        name="tenants/default/models/tumours/versions/1",
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=("glioma", "meningioma", "notumor"),
        preset="cnn-64",
        image_size=64,
    )
    return ClassifierFeatures(Classifier(record, build_network("cnn-64", 3, seed=1).eval(), torch.device("cpu")))


def images(n, size=64):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype(np.uint8)


def test_probabilities_of_its_features_are_what_the_classifier_predicts():
    found = extractor()
    assert isinstance(found, ClassifyingExtractor)
    pictures = images(130)
    features = found.features(pictures)
    assert (features.shape, features.dtype) == ((130, HIDDEN_UNITS), np.float32)
    np.testing.assert_allclose(found.probabilities(features), found.classifier.predict(pictures), atol=1e-5)


def test_images_of_another_size_are_resized():
    twice = images(3).repeat(2, axis=1).repeat(2, axis=2)
    smooth = np.full((1, 100, 100, 3), 90, np.uint8)
    found = extractor()
    assert found.features(twice).shape == (3, HIDDEN_UNITS)
    np.testing.assert_allclose(found.features(smooth), found.features(smooth[:, :64, :64]), atol=1e-5)


def test_is_named_after_the_version_and_takes_no_grey_images():
    assert extractor().name == "tenants/default/models/tumours/versions/1"
    with pytest.raises(ValueError, match="uint8 N×H×W×3"):
        extractor().features(images(2)[..., :1])
