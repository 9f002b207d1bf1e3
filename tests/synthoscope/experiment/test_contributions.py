import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score

from synthoscope.experiment.comparing import balancing_weights, compare
from synthoscope.experiment.contributions import SCORES
from synthoscope.metrics.predictions import Predictions

OWN = np.arange


def guesses(random, labels, classes=3, skill=1.0):
    """Probabilities with ties, of labels."""
    scores = random.normal(size=(len(labels), classes)) + skill * np.eye(classes)[labels]
    shares = np.exp(scores.round(1))
    return Predictions(labels, (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32), OWN(len(labels)))


def by_scikit_learn(predictions):
    labels, predicted = predictions.labels, predictions.predicted
    scores = predictions.probabilities
    areas = [roc_auc_score(labels == c, scores[:, c]) for c in np.unique(labels)]
    return {
        "accuracy": accuracy_score(labels, predicted),
        "balanced_accuracy": recall_score(labels, predicted, average="macro", labels=np.unique(labels)),
        "macro_f1": f1_score(labels, predicted, average="macro", labels=np.unique(labels)),
        "auroc": np.mean(areas),
    }


def made(seed=1, images=200):
    random = np.random.default_rng(seed)
    return guesses(random, random.choice(3, images, p=[0.6, 0.3, 0.1]))


@pytest.mark.parametrize("score", SCORES)
def test_their_mean_is_the_score(score):
    predictions = made()
    assert SCORES[score](predictions).mean() == pytest.approx(by_scikit_learn(predictions)[score])


@pytest.mark.parametrize("score", SCORES)
def test_they_are_what_leaving_images_out_changes(score):
    """The jackknife's pseudo-values: N times the score less N - 1 times that of the others."""
    predictions = made(images=400)
    whole = by_scikit_learn(predictions)[score]
    left_out = [by_scikit_learn(predictions.take(OWN(400) != image))[score] for image in range(60)]
    pseudo = 400 * whole - 399 * np.array(left_out)
    assert SCORES[score](predictions)[:60] == pytest.approx(pseudo, rel=0.05, abs=0.03)


@pytest.mark.parametrize("score", SCORES)
def test_a_class_without_images_does_not_count(score):
    labels = np.random.default_rng(3).integers(0, 2, 100)
    predictions = guesses(np.random.default_rng(4), labels)
    assert SCORES[score](predictions).mean() == pytest.approx(by_scikit_learn(predictions)[score])


def test_a_class_that_is_never_found_has_no_f1():
    predictions = Predictions(np.array([0, 0, 1]), np.array([[0.9, 0.1]] * 3, np.float32), OWN(3))
    assert SCORES["macro_f1"](predictions).mean() == pytest.approx(0.4)


def test_auroc_needs_two_classes():
    with pytest.raises(ValueError, match="at least two classes"):
        SCORES["auroc"](guesses(np.random.default_rng(5), np.zeros(9, np.int64)))


def test_balanced_accuracy_is_that_of_balancing_weights():
    labels = np.random.default_rng(6).choice(3, 300, p=[0.6, 0.3, 0.1])
    runs = [[guesses(np.random.default_rng([arm, seed]), labels, skill=1 + arm) for seed in range(5)] for arm in (1, 0)]
    by_values = compare(*([SCORES["balanced_accuracy"](run) for run in arm] for arm in runs), OWN(300))
    right = ([SCORES["accuracy"](run) for run in arm] for arm in runs)
    by_weights = compare(*right, OWN(300), balancing_weights(labels))
    assert by_values.difference == pytest.approx(by_weights.difference)
    assert by_values.high - by_values.low == pytest.approx(by_weights.high - by_weights.low, rel=0.2)


@pytest.mark.parametrize("score", SCORES)
def test_equal_arms_seldom_differ(score):
    found = []
    for run in range(200):
        random = np.random.default_rng([7, run])
        labels = random.choice(3, 150, p=[0.6, 0.3, 0.1])
        arm, reference = ([SCORES[score](guesses(random, labels)) for _ in range(5)] for _ in range(2))
        found.append(compare(arm, reference, OWN(150)).p_value <= 0.05)
    assert sum(found) <= 10  # 5 % of 200; expected are fewer, as runs differ by chance alone
