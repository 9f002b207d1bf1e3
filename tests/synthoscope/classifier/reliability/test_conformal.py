import math

import numpy as np
import pytest
from scipy.optimize import brentq

from synthoscope.classifier.reliability.conformal import fit_threshold, measure, prediction_sets
from synthoscope.classifier.reliability.temperature import log_probabilities, probabilities
from synthoscope.metrics.calibration import expected_calibration_error


def drawn(accuracy: float, scale: float, count: int = 1200, most_copies: int = 1):
    """A classifier that is right as often as asked: its log probabilities, labels, and groups of copies.

    Labels are drawn from what it says at scale 1, which is calibrated therefore; at others it is not.
    """
    generator = np.random.default_rng(5)
    directions = generator.normal(size=(count, 4))
    sharpness = brentq(lambda s: probabilities(s * directions, 1.0).max(axis=1).mean() - accuracy, 0.01, 1000)
    honest = np.exp(log_probabilities(sharpness * directions, 1.0))
    labels = np.minimum((generator.random((count, 1)) > honest.cumsum(axis=1)).sum(axis=1), 3)
    groups = np.repeat(np.arange(count), generator.integers(1, most_copies + 1, count))
    logits = (scale * sharpness * directions).astype(np.float32)
    return log_probabilities(logits[groups], 1.0), labels[groups], groups


@pytest.mark.parametrize("accuracy", [0.6, 0.9, 0.99])
@pytest.mark.parametrize("scale", [0.2, 1.0, 20.0])
@pytest.mark.parametrize("most_copies", [1, 5])
def test_sets_hold_the_class_as_often_as_promised(accuracy, scale, most_copies):
    said, labels, groups = drawn(accuracy, scale, most_copies=most_copies)
    assert (said.argmax(axis=1) == labels).mean() == pytest.approx(accuracy, abs=0.02)
    found = measure(said, labels, groups)
    assert found.measured_coverage == pytest.approx(0.9, abs=0.02)
    assert found.empty_sets <= 0.12
    assert 0.8 < found.mean_set_size < 4


def test_what_the_sets_were_tried_on_is_well_or_badly_calibrated():
    errors = [expected_calibration_error(np.exp(s), y) for s, y, _ in (drawn(0.9, scale) for scale in (0.2, 1.0, 20.0))]
    assert errors[1] < 0.03
    assert min(errors[0], errors[2]) > 0.08


def test_the_sets_of_a_classifier_that_is_almost_always_right_are_not_filled_up():
    found = measure(*drawn(0.99, 1.0))
    assert found.empty_sets == pytest.approx(0.1, abs=0.02)
    assert found.mean_set_size == pytest.approx(0.9, abs=0.02)


def test_images_of_one_group_stay_in_one_half():
    likely, unlikely = [0.9, 0.1], [0.1, 0.9]
    said = np.log(np.array([likely] * 50 + [unlikely] * 50))
    labels = np.zeros(100, np.int64)
    # Fitted on the likely group, no set of the other holds its class; the other way round all do.
    apart = measure(said, labels, np.repeat([0, 1], 50)).measured_coverage
    assert 0.3 < apart < 0.7
    assert measure(said, labels, np.full(100, -1)).measured_coverage == 1.0


def test_splits_are_as_many_as_asked_and_repeat_with_their_seed():
    case = drawn(0.6, 1.0, count=100)
    assert measure(*case, seed=1) == measure(*case, seed=1)
    assert measure(*case, splits=1, seed=1) != measure(*case, splits=2, seed=1)
    assert measure(*case, seed=1) != measure(*case, seed=2)


def test_the_threshold_is_the_quantile_for_a_finite_sample():
    scores = np.arange(1.0, 20.0)  # 19: (19 + 1) · 0.9 = 18
    assert fit_threshold(scores) == 18.0
    assert fit_threshold(scores[:9]) == 9.0
    assert fit_threshold(scores[:8]) == fit_threshold(scores[:0]) == math.inf
    assert prediction_sets(np.log(np.array([[0.9, 0.1]])), math.inf).all()


def test_a_set_can_be_empty_or_have_several_classes():
    sets = prediction_sets(np.log(np.array([[0.5, 0.5], [0.95, 0.05], [0.8, 0.2]])), threshold=-math.log(0.9))
    assert sets.tolist() == [[False, False], [True, False], [False, False]]
    assert prediction_sets(np.log(np.array([[0.5, 0.5]])), -math.log(0.4)).all()


def test_a_single_group_is_measured_on_itself():
    probabilities, labels, _ = drawn(0.9, 1.0, count=50)
    assert 0.8 < measure(probabilities, labels, np.zeros(50, np.int64)).measured_coverage <= 1.0


@pytest.mark.parametrize("coverage", [-0.1, 0.0, 1.0])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    with pytest.raises(ValueError, match="coverage"):
        fit_threshold(np.arange(20.0), coverage)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="scores"):
        fit_threshold(np.array([1.0, np.nan]))
