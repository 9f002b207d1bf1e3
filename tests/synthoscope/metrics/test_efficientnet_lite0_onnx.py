import time

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from synthoscope.metrics import efficientnet_lite0
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.feature_extractor import ClassifyingExtractor

EXTRACTOR = EfficientNetLite0()


def images(n, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=(n, size, size, 3), dtype=np.uint8)


def photograph():
    return load_sample_image("china.jpg")[None, :427, :427]


@pytest.mark.parametrize("pictures", [images(20, 64), images(3, 128), photograph()])
def test_features_are_those_of_torch(pictures):
    found = EXTRACTOR.features(pictures)
    assert found.dtype == np.float32
    assert found.shape == (len(pictures), EXTRACTOR.dimensions)
    np.testing.assert_allclose(found, efficientnet_lite0.features(pictures), atol=1e-4)


def test_is_not_slower_than_torch():
    pictures = images(32, 128)

    def seconds(features):
        features(pictures)
        took = []
        for _ in range(3):
            began = time.process_time()
            features(pictures)
            took.append(time.process_time() - began)
        return min(took)

    assert seconds(EXTRACTOR.features) < seconds(efficientnet_lite0.features)


def test_does_not_depend_on_the_batch():
    pictures = images(19, 64)
    alone = np.concatenate([EXTRACTOR.features(pictures[i : i + 1]) for i in range(len(pictures))])
    np.testing.assert_allclose(EXTRACTOR.features(pictures), alone, rtol=1e-4, atol=1e-5)


def test_probabilities_recognise_a_photograph():
    assert isinstance(EXTRACTOR, ClassifyingExtractor)
    probabilities = EXTRACTOR.probabilities(EXTRACTOR.features(photograph()))
    assert probabilities.shape == (1, 1000)
    assert probabilities.sum() == pytest.approx(1.0, rel=1e-5)
    bell_cote, palace, stupa = probabilities[0, [442, 698, 832]]
    assert bell_cote + palace + stupa > 0.8


def test_empty_gives_empty():
    assert EXTRACTOR.features(images(0, 64)).shape == (0, 1280)


def test_refuses_what_is_not_uint8_rgb():
    with pytest.raises(ValueError, match="uint8 N×H×W×3"):
        EXTRACTOR.features(np.zeros((1, 8, 8, 1), np.uint8))
