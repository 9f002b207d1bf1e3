import math

import numpy as np
import pytest
from prometheus_client import REGISTRY

from services.classification import monitoring
from services.classification.monitoring import FEWEST, WINDOW, Monitor
from synthoscope.api.models.v1.models_pb2 import ModelOutput, ModelVersion, Reliability
from synthoscope.classifier.answering import Answer
from synthoscope.classifier.reliability.histograms import histograms

CHANCE = np.random.default_rng(0)


def version(name, **fields):
    """One whose held-out images had brightness 100 ± 10 and any confidence from 0.5 to 1."""
    known = {"brightness": CHANCE.normal(100, 10, 2000), "confidence": CHANCE.uniform(0.5, 1, 2000)}
    return ModelVersion(
        name=f"tenants/default/models/{name}/versions/1",
        classes=["a", "b"],
        reliability=Reliability(histograms=histograms(known)),
        **fields,
    )


def answer(brightness=100.0, confidence=0.7, *, refused=False):
    probabilities = np.array([confidence, 1 - confidence], np.float32)
    return Answer(probabilities, 0, 0.0, refused, None, np.array([brightness, 10, 5], np.float32))


def value(metric, name, **labels):
    return REGISTRY.get_sample_value(metric, {"tenant": "default", "model": name, "version": "1", **labels})


def drift(name, quantity):
    return value("synthoscope_drift_index", name, quantity=quantity)


def test_answers_are_counted_by_what_was_said():
    monitor = Monitor()
    for item in (answer(), answer(), answer(refused=True)):
        monitor.see(version("counted"), item)
    monitor.see(version("findings", output=ModelOutput.MODEL_OUTPUT_FINDINGS), answer())
    counted = "synthoscope_diagnosis_answers_total"
    assert value(counted, "counted", answer="a") == 2
    assert value(counted, "counted", answer="(refused)") == 1
    assert value(counted, "findings", answer="(findings)") == 1


def test_images_like_those_of_training_show_no_drift_and_others_do():
    monitor, record = Monitor(), version("drifting")
    for _ in range(WINDOW):
        monitor.see(record, answer(CHANCE.normal(100, 10), CHANCE.uniform(0.5, 1)))
    assert drift("drifting", "brightness") < 0.1
    assert drift("drifting", "confidence") < 0.1
    for _ in range(WINDOW):
        monitor.see(record, answer(CHANCE.normal(120, 10), CHANCE.uniform(0.5, 1)))
    assert drift("drifting", "brightness") > 0.25
    assert drift("drifting", "confidence") < 0.1


def test_a_few_images_say_nothing():
    monitor, record = Monitor(), version("few")
    for _ in range(FEWEST - 1):
        monitor.see(record, answer())
    assert math.isnan(drift("few", "brightness"))
    monitor.see(record, answer())
    assert drift("few", "brightness") > 0.25  # all of them alike


def test_versions_that_are_quiet_are_given_up(monkeypatch):
    monkeypatch.setattr(monitoring, "_VERSIONS", 2)
    monitor = Monitor()
    for name in ("one", "two", "three"):
        monitor.see(version(name), answer())
    assert drift("one", "brightness") is None
    assert drift("three", "brightness") == pytest.approx(math.nan, nan_ok=True)


def test_a_version_without_histograms_is_only_counted():
    bare = ModelVersion(name="tenants/default/models/bare/versions/1", classes=["a", "b"])
    Monitor().see(bare, answer())
    assert value("synthoscope_diagnosis_answers_total", "bare", answer="a") == 1
    assert drift("bare", "brightness") is None
