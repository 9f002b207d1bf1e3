import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from synthoscope.classifier.reliability.temperature import (
    COLDEST,
    HOTTEST,
    finding_probabilities,
    fit_findings_temperature,
    fit_temperature,
    log_probabilities,
    probabilities,
)


def drawn(scale: float, count: int = 4000):
    """Logits whose true temperature is `scale`: labels are drawn from what they would say without it."""
    generator = np.random.default_rng(1)
    honest = generator.normal(0, 2, (count, 3))
    labels = np.array([generator.choice(3, p=row) for row in np.exp(log_probabilities(honest, 1.0))])
    return (honest * scale).astype(np.float32), labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_it_finds_by_how_much_logits_are_too_large(scale):
    logits, labels = drawn(scale)
    assert fit_temperature(logits, labels) == pytest.approx(scale, rel=0.08)


def test_no_temperature_of_a_grid_has_a_smaller_cross_entropy():
    logits, labels = drawn(2.0, count=300)
    tensors = torch.from_numpy(logits).double(), torch.from_numpy(labels)
    grid = np.geomspace(0.05, 20, 2000)
    losses = [float(torch.nn.functional.cross_entropy(tensors[0] / t, tensors[1])) for t in grid]
    assert fit_temperature(logits, labels) == pytest.approx(grid[np.argmin(losses)], rel=0.005)


def test_probabilities_are_those_of_another_implementation():
    logits, _ = drawn(4.0, count=50)
    scaled = torch.from_numpy(logits).double() / 1.7
    assert probabilities(logits, 1.7).dtype == finding_probabilities(logits, 1.7).dtype == np.float32
    assert log_probabilities(logits, 1.7) == pytest.approx(torch.log_softmax(scaled, dim=1).numpy(), abs=1e-10)
    assert probabilities(logits, 1.7).sum(axis=1) == pytest.approx(np.ones(50), abs=1e-6)
    assert finding_probabilities(logits, 1.7) == pytest.approx(torch.sigmoid(scaled).numpy(), abs=1e-6)


def test_where_1_is_best_it_is_exactly_1():
    # Three times in four it is the class that ln 3 gives that probability: a search only comes near to the best.
    logits = np.float32([[np.log(3), 0]] * 4)
    assert fit_temperature(logits, np.array([0, 0, 0, 1])) == 1.0
    assert fit_findings_temperature(logits[:, :1], np.array([[1], [1], [1], [0]], bool)) == 1.0


def test_it_is_never_worse_than_none():
    logits, labels = drawn(3.0, count=30)
    before, after = (log_loss(labels, probabilities(logits, t)) for t in (1.0, fit_temperature(logits, labels)))
    assert after <= before


def test_a_classifier_that_is_always_right_stops_at_the_bound():
    assert fit_temperature(np.float32([[9, 0], [0, 9]]), np.array([0, 1])) == pytest.approx(COLDEST, rel=0.01)


def test_a_classifier_that_is_always_wrong_stops_at_the_other_bound():
    assert fit_temperature(np.float32([[9, 0], [0, 9]]), np.array([1, 0])) == pytest.approx(HOTTEST, rel=0.01)


def test_a_single_class_is_enough_to_fit_on():
    logits, _ = drawn(1.0, count=50)
    assert COLDEST <= fit_temperature(logits, np.zeros(50, np.int64)) <= HOTTEST


def test_findings_have_one_temperature():
    generator = np.random.default_rng(2)
    honest = generator.normal(0, 2, (3000, 2))
    present = generator.random((3000, 2)) < finding_probabilities(honest, 1.0)
    assert fit_findings_temperature((honest * 2.5).astype(np.float32), present) == pytest.approx(2.5, rel=0.08)


def test_logarithms_are_exact_where_probabilities_round():
    logits = np.float32([[80, 0], [90, 0]])
    assert probabilities(logits, 1.0)[:, 0].tolist() == [1.0, 1.0]
    first, second = log_probabilities(logits, 1.0)[:, 0]
    assert first < second <= 0


@pytest.mark.parametrize("logits", [np.zeros((0, 2)), [[np.nan, 0.0]], [[np.inf, 0.0]]])
def test_logits_that_are_no_numbers_are_refused(logits):
    with pytest.raises(ValueError, match="logits"):
        fit_temperature(np.array(logits, np.float32), np.zeros(len(logits), np.int64))
    with pytest.raises(ValueError, match="logits"):
        fit_findings_temperature(np.array(logits, np.float32), np.zeros((len(logits), 2), bool))


@pytest.mark.parametrize("labels", [[0], [0, 1, 1], [0, 2], [-1, 0]])
def test_labels_of_other_images_or_classes_are_refused(labels):
    with pytest.raises(ValueError, match="labels"):
        fit_temperature(np.zeros((2, 2), np.float32), np.array(labels))


def test_findings_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="shape"):
        fit_findings_temperature(np.zeros((2, 2), np.float32), np.array([True, False]))
