import numpy as np
import pytest

from synthoscope.metrics.evaluating import evaluate, evaluate_findings
from synthoscope.metrics.predictions import FindingPredictions, Predictions
from synthoscope.metrics.resampling import resampled_finding_scores, resampled_scores

CLASSES = ("glioma", "none", "pituitary", "stroke")


def drawn(count: int = 60) -> Predictions:
    """Of four classes the last has no images."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, count)
    probabilities = generator.dirichlet(np.ones(4), count) / 2 + np.eye(4)[labels] / 2
    probabilities[::3] = generator.dirichlet(np.ones(4), len(probabilities[::3]))
    return Predictions(labels, probabilities.astype(np.float32), np.arange(count))


def findings(shape: tuple[int, int]) -> FindingPredictions:
    generator = np.random.default_rng(8)
    present = generator.random(shape) < 0.4
    probabilities = np.clip(0.4 * present + 0.6 * generator.random(shape), 0, 1)
    return FindingPredictions(present, probabilities.astype(np.float32), np.arange(shape[0]))


def some_weights(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, (4, count)).astype(np.float32)


def check(resampled, row, found, names):
    """Each resampled score is the one that was found, or NaN where none was."""
    holders = dict(zip(names, found.classes, strict=True))
    for name, values in resampled.items():
        score, _, label = name.partition(".")
        holder = holders[label] if label else found
        if label and not holder.support and score != "specificity":
            assert np.isnan(values[row]), name
        else:
            assert values[row] == pytest.approx(getattr(holder, score), rel=1e-4), name


def test_scores_in_resamples_are_those_of_the_images_repeated():
    said, weights = drawn(), some_weights(60)
    resampled = resampled_scores(said, CLASSES, weights)
    assert {"brier", "expected_calibration_error", "macro_specificity", "auprc.glioma"} < set(resampled)
    for row, times in enumerate(weights.astype(int)):
        check(resampled, row, evaluate(said.take(np.repeat(np.arange(60), times)), CLASSES, "test"), CLASSES)


@pytest.mark.parametrize("names", [("effusion", "mass"), ("mass",)])
def test_so_are_those_of_findings(names):
    said, weights = findings((80, len(names))), some_weights(80)
    resampled = resampled_finding_scores(said, names, weights)
    assert {"accuracy", "brier", "macro_specificity", "auroc.mass"} < set(resampled)
    for row, times in enumerate(weights.astype(int)):
        check(resampled, row, evaluate_findings(said.take(np.repeat(np.arange(80), times)), names, "test"), names)


def test_a_resample_without_any_finding_says_nothing_of_how_well_they_are_found():
    said = findings((10, 2))
    without = FindingPredictions(np.zeros((10, 2), bool), said.probabilities, said.groups)
    resampled = resampled_finding_scores(without, ("effusion", "mass"), np.ones((1, 10), np.float32))
    for name in ("macro_recall", "balanced_accuracy", "weighted_recall", "weighted_precision", "weighted_f1", "auroc"):
        assert np.isnan(resampled[name]).all(), name
    assert np.isfinite(resampled["accuracy"]).all()
