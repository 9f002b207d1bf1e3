import math

import numpy as np
import pytest

from synthoscope.classifier.reliability.conformal import fit_threshold, measure, prediction_sets
from synthoscope.classifier.reliability.temperature import log_probabilities


def drawn(accuracy: float, scale: float, count: int = 1200, copies: int = 1):
    """Logits that are right as often as asked, `scale` times too large; each repeated as copies of one group."""
    generator = np.random.default_rng(5)
    labels = generator.integers(0, 4, count)
    said = np.where(generator.random(count) < accuracy, labels, generator.integers(0, 4, count))
    logits = scale * (generator.normal(size=(count, 4)) + 4 * np.eye(4)[said])
    order = np.repeat(np.arange(count), copies)
    return log_probabilities(logits[order].astype(np.float32), 1.0), labels[order], order


@pytest.mark.parametrize("accuracy", [0.6, 0.9, 0.99])
@pytest.mark.parametrize("scale", [0.3, 1.0, 20.0])
@pytest.mark.parametrize("copies", [1, 3])
def test_sets_hold_the_class_as_often_as_promised(accuracy, scale, copies):
    found = measure(*drawn(accuracy, scale, copies=copies))
    assert found.coverage == pytest.approx(0.9, abs=0.02)
    assert found.empty <= 0.12
    assert 0.8 < found.mean_size < 4


def test_the_threshold_is_the_quantile_for_a_finite_sample():
    scores = np.arange(1.0, 20.0)  # 19: (19 + 1) · 0.9 = 18
    assert fit_threshold(scores) == 18.0
    assert fit_threshold(scores[:8]) == math.inf
    assert prediction_sets(np.log(np.array([[0.9, 0.1]])), math.inf).all()


def test_a_set_can_be_empty_or_have_several_classes():
    sets = prediction_sets(np.log(np.array([[0.5, 0.5], [0.95, 0.05], [0.8, 0.2]])), threshold=-math.log(0.9))
    assert sets.tolist() == [[False, False], [True, False], [False, False]]
    assert prediction_sets(np.log(np.array([[0.5, 0.5]])), -math.log(0.4)).all()


def test_a_single_group_is_measured_on_itself():
    probabilities, labels, _ = drawn(0.9, 1.0, count=50)
    assert 0.8 < measure(probabilities, labels, np.zeros(50, np.int64)).coverage <= 1.0
