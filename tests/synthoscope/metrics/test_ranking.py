import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

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


def test_curves_are_thinned_and_keep_their_ends():
    generator = np.random.default_rng(5)
    present, scores = generator.random(5000) < 0.5, generator.random(5000).astype(np.float32)
    found = ranking.curve("a", present, scores)
    assert len(found.false_positive_rates) == len(found.true_positive_rates) == ranking.MOST_POINTS
    assert (found.false_positive_rates[0], found.true_positive_rates[0]) == (0, 0)
    assert (found.false_positive_rates[-1], found.true_positive_rates[-1]) == (1, 1)
