import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, roc_auc_score, roc_curve

from synthoscope.metrics import ranking


@pytest.mark.parametrize("levels", [1000, 7, 1])
def test_weighted_areas_are_scikit_learns(levels):
    generator = np.random.default_rng(4)
    present = generator.random(120) < 0.3
    scores = (generator.integers(0, levels, 120) / levels).astype(np.float32)
    weights = generator.integers(0, 4, (5, 120)).astype(np.float32)
    for row, area, precision in zip(
        weights,
        ranking.weighted_auroc(present, scores, weights),
        ranking.weighted_average_precision(present, scores, weights),
        strict=True,
    ):
        assert area == pytest.approx(roc_auc_score(present, scores, sample_weight=row))
        assert precision == pytest.approx(average_precision_score(present, scores, sample_weight=row))


def test_a_class_without_images_or_without_others_has_no_area():
    scores = np.array([0.2, 0.8], np.float32)
    for present in (np.array([True, True]), np.array([False, False])):
        assert ranking.auroc(present, scores) is None
        assert ranking.average_precision(present, scores) is None
        assert ranking.curve("a", present, scores) is None
        assert np.isnan(ranking.weighted_auroc(present, scores, np.ones((1, 2), np.float32)))


def test_a_short_curve_is_scikit_learns():
    present, scores = np.array([False, True, False, True, True]), np.float32([0.1, 0.2, 0.5, 0.7, 0.9])
    found = ranking.curve("a", present, scores)
    false_positives, true_positives, _ = roc_curve(present, scores)
    assert found.label == "a"
    assert list(found.false_positive_rates) == false_positives.tolist()
    assert list(found.true_positive_rates) == true_positives.tolist()


def test_a_thinned_curve_encloses_the_area():
    generator = np.random.default_rng(6)
    present = generator.random(5000) < 0.3
    scores = (generator.normal(size=5000) + present).astype(np.float32)
    found = ranking.curve("a", present, scores)
    enclosed = auc(found.false_positive_rates, found.true_positive_rates)
    assert enclosed == pytest.approx(ranking.auroc(present, scores), abs=0.005)


def test_curves_are_thinned_and_keep_their_ends():
    generator = np.random.default_rng(5)
    present, scores = generator.random(5000) < 0.5, generator.random(5000).astype(np.float32)
    found = ranking.curve("a", present, scores)
    assert len(found.false_positive_rates) == len(found.true_positive_rates) == ranking.MOST_POINTS
    assert (found.false_positive_rates[0], found.true_positive_rates[0]) == (0, 0)
    assert (found.false_positive_rates[-1], found.true_positive_rates[-1]) == (1, 1)
