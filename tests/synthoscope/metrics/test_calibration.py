import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from synthoscope.metrics.calibration import (
    BINS,
    confidence_bins,
    expected_calibration_error,
    reliability_bins,
    squared_errors,
)


def drawn(count: int = 400, classes: int = 3):
    generator = np.random.default_rng(2)
    probabilities = generator.dirichlet(np.ones(classes), count).astype(np.float32)
    return probabilities, generator.integers(0, classes, count)


def test_the_calibration_error_is_that_of_torchmetrics():
    probabilities, labels = drawn()
    theirs = multiclass_calibration_error(torch.tensor(probabilities), torch.tensor(labels), 3, n_bins=15)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(float(theirs), abs=1e-5)


def test_the_brier_score_of_two_classes_is_twice_scikit_learns():
    probabilities, labels = drawn(classes=2)
    assert squared_errors(probabilities, labels).mean() == pytest.approx(
        2 * brier_score_loss(labels, probabilities[:, 1], scale_by_half=True), rel=1e-5
    )


def test_one_who_is_always_sure_and_always_wrong():
    probabilities, labels = np.eye(2, dtype=np.float32)[[0, 0]], np.array([1, 1])
    assert expected_calibration_error(probabilities, labels) == 1.0
    (only,) = reliability_bins(probabilities, labels)
    assert (only.confidence, only.accuracy, only.count) == (1.0, 0.0, 2)


def test_bins_are_equal_ranges_from_0_to_1():
    middles = ((np.arange(BINS) + 0.5) / BINS).astype(np.float32)
    assert confidence_bins(middles[:, None]).tolist() == list(range(BINS))
    assert confidence_bins(np.float32([[0.0], [0.001], [0.999], [1.0]])).tolist() == [0, 0, BINS - 1, BINS - 1]


def test_a_probability_of_0_is_in_the_first_bin():
    assert expected_calibration_error(np.zeros((1, 2), np.float32), np.array([1])) == 0.0
