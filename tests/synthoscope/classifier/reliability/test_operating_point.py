import numpy as np
import pytest

from synthoscope.api.models.v1.models_pb2 import ModelVersion, OperatingPoint
from synthoscope.classifier.reliability.operating_point import decide, fit_operating_point, operating_point_of
from synthoscope.rpc.errors import FailedPrecondition

CLASSES = ("normal", "pneumonia", "covid")
SAID = np.array([[0.5, 0.3, 0.2], [0.3, 0.29, 0.41], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05]], np.float32)


@pytest.mark.parametrize(("threshold", "decided"), [(0.3, [1, 2, 1, 0]), (0.29, [1, 1, 1, 0]), (0.81, [0, 2, 0, 0])])
def test_the_class_is_answered_from_its_threshold_on_else_the_likeliest_other(threshold, decided):
    point = OperatingPoint(label="pneumonia", threshold=float(np.float32(threshold)))
    assert decide(SAID, CLASSES, point).tolist() == decided


def test_without_an_operating_point_the_likeliest_class_is_answered():
    assert operating_point_of(ModelVersion()) is None
    assert decide(SAID, CLASSES, None).tolist() == [0, 2, 1, 0]
    assert decide(SAID[:0], CLASSES, OperatingPoint(label="covid")).tolist() == []


@pytest.mark.parametrize(("count", "sensitivity"), [(19, 0.95), (57, 0.9), (40, 0.95), (3, 0.75), (1, 0.5)])
def test_new_images_are_found_as_often_as_asked_for(count, sensitivity):
    generator = np.random.default_rng(0)
    found = []
    for _ in range(3000):
        drawn = generator.random(count + 1).astype(np.float32)
        found.append(drawn[-1] >= fit_operating_point(drawn[:-1], "covid", sensitivity).threshold)
    error = 4 * (sensitivity * (1 - sensitivity) / 3000) ** 0.5
    assert sensitivity - error <= np.mean(found) <= sensitivity + 1 / (count + 1) + error


def test_the_threshold_is_one_of_the_images_probabilities():
    probabilities = np.arange(1, 40, dtype=np.float32) / np.float32(40)
    point = fit_operating_point(probabilities[::-1], "covid", 0.95)
    assert (point.threshold, point.images, point.label) == (probabilities[1], 39, "covid")
    assert (probabilities >= point.threshold).sum() == 38


@pytest.mark.parametrize(("count", "sensitivity"), [(18, 0.95), (0, 0.5), (98, 0.99)])
def test_too_few_images_promise_nothing(count, sensitivity):
    with pytest.raises(FailedPrecondition, match=f"needs {count + 1} held-out images of covid; there are {count}"):
        fit_operating_point(np.ones(count, np.float32), "covid", sensitivity)
