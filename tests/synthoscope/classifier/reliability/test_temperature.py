import numpy as np
import pytest
from sklearn.metrics import log_loss

from synthoscope.classifier.reliability.temperature import (
    COLDEST,
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


def test_it_is_never_worse_than_none():
    logits, labels = drawn(3.0, count=30)
    before, after = (log_loss(labels, probabilities(logits, t)) for t in (1.0, fit_temperature(logits, labels)))
    assert after <= before


def test_a_classifier_that_is_always_right_stops_at_the_bound():
    assert fit_temperature(np.float32([[9, 0], [0, 9]]), np.array([0, 1])) == pytest.approx(COLDEST, rel=0.01)


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
