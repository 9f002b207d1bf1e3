from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from synthoscope.metrics.evaluating import evaluate, evaluate_findings
from synthoscope.metrics.predictions import FindingPredictions, Predictions

CLASSES = ("glioma", "none", "pituitary", "stroke")


def drawn(count: int = 200, skill: float = 2.0) -> Predictions:
    """Of four classes the last has no images; pairs of images are groups."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 3, count)
    logits = generator.normal(size=(count, 4)) + skill * np.eye(4)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions(labels, probabilities.astype(np.float32), np.arange(count) // 2)


def test_every_score_is_scikit_learns():
    found, said = evaluate(drawn(), CLASSES, "test"), drawn()
    labels, predicted = said.labels, said.predicted
    assert found.split == "test"
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    for average in ("macro", "weighted"):
        scores = metrics.precision_recall_fscore_support(
            labels, predicted, labels=[0, 1, 2], average=average, zero_division=0.0
        )
        for name, value in zip(("precision", "recall", "f1"), scores, strict=False):
            assert getattr(found, f"{average}_{name}") == pytest.approx(value), (average, name)
    assert found.balanced_accuracy == pytest.approx(found.macro_recall)
    areas = [metrics.roc_auc_score(labels == c, said.probabilities[:, c]) for c in range(3)]
    assert found.auroc == pytest.approx(np.mean(areas))
    assert [item.auroc for item in found.classes[:3]] == pytest.approx(areas)
    assert found.classes[0].specificity == pytest.approx(metrics.recall_score(labels != 0, predicted != 0))
    assert [list(row.counts) for row in found.confusion] == metrics.confusion_matrix(
        labels, predicted, labels=range(4)
    ).tolist()
    assert sum(item.count for item in found.reliability) == 200
    assert (found.groups, len(found.roc_curves)) == (100, 3)


def test_decisions_count_in_scores_and_not_in_calibration():
    likeliest = drawn()
    decided = replace(likeliest, decided=likeliest.labels)
    found, plain = evaluate(decided, CLASSES, "test"), evaluate(likeliest, CLASSES, "test")
    assert found.accuracy == 1 > plain.accuracy
    assert [item.recall for item in found.classes[:3]] == [1, 1, 1]
    assert (found.auroc, found.brier) == (plain.auroc, plain.brier)
    assert found.expected_calibration_error == plain.expected_calibration_error
    assert found.intervals["expected_calibration_error"] == plain.intervals["expected_calibration_error"]
    assert found.intervals["accuracy"].low == 1 > plain.intervals["accuracy"].low


def test_a_class_without_images_is_not_measured():
    stroke = evaluate(drawn(), CLASSES, "test").classes[3]
    assert (stroke.support, stroke.recall) == (0, 0)
    assert stroke.HasField("specificity")
    assert not stroke.HasField("auroc")
    intervals = evaluate(drawn(), CLASSES, "test").intervals
    assert "recall.stroke" not in intervals
    assert intervals["specificity.stroke"].low <= stroke.specificity <= intervals["specificity.stroke"].high


def test_intervals_hold_the_scores_and_repeat_with_the_seed():
    found = evaluate(drawn(), CLASSES, "test")
    for name, interval in found.intervals.items():
        score, _, label = name.partition(".")
        value = getattr(found.classes[CLASSES.index(label)] if label else found, score)
        assert interval.low <= interval.high, name
        if score != "expected_calibration_error":  # whose value in resamples is too large
            assert interval.low - 0.01 <= value <= interval.high + 0.01, name
    assert {"accuracy", "balanced_accuracy", "auroc", "auprc", "brier", "macro_specificity", "recall.glioma"} < set(
        found.intervals
    )
    assert found == evaluate(drawn(), CLASSES, "test")
    assert found.intervals != evaluate(drawn(), CLASSES, "test", seed=1).intervals


def test_one_class_only():
    said = Predictions(np.zeros(4, np.int64), np.tile(np.float32([0.9, 0.1]), (4, 1)), np.arange(4))
    found = evaluate(said, ("a", "b"), "test")
    assert (found.accuracy, found.groups) == (1.0, 4)
    assert not found.HasField("auroc")
    assert not found.classes[0].HasField("specificity")


def test_a_model_of_one_class():
    said = Predictions(np.zeros(4, np.int64), np.ones((4, 1), np.float32), np.arange(4))
    found = evaluate(said, ("a",), "test")
    assert (found.accuracy, found.macro_f1, found.brier, found.expected_calibration_error) == (1.0, 1.0, 0.0, 0.0)
    assert [list(row.counts) for row in found.confusion] == [[4]]
    assert not found.HasField("auroc")
    assert not found.HasField("macro_specificity")
    assert "specificity.a" not in found.intervals


def findings(count: int = 150) -> FindingPredictions:
    generator = np.random.default_rng(8)
    present = generator.random((count, 2)) < (0.3, 0.6)
    probabilities = np.clip(0.5 * present + 0.6 * generator.random((count, 2)) - 0.05, 0, 1)
    return FindingPredictions(present, probabilities.astype(np.float32), np.arange(count))


def test_findings_are_measured_one_by_one():
    found, said = evaluate_findings(findings(), ("effusion", "mass"), "test"), findings()
    assert found.accuracy == pytest.approx(metrics.accuracy_score(said.present, said.predicted))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(said.present, said.predicted, average="macro"))
    assert found.auroc == pytest.approx(metrics.roc_auc_score(said.present, said.probabilities, average="macro"))
    assert [item.support for item in found.classes] == said.present.sum(axis=0).tolist()
    assert not found.confusion
    assert found.intervals["accuracy"].low < found.accuracy < found.intervals["accuracy"].high


def test_one_finding_is_measured_as_scikit_learn_does():
    two = findings()
    said = FindingPredictions(two.present[:, :1], two.probabilities[:, :1], two.groups)
    (found,) = evaluate_findings(said, ("effusion",), "test").classes
    assert found.precision == pytest.approx(metrics.precision_score(said.present, said.predicted))
    assert found.recall == pytest.approx(metrics.recall_score(said.present, said.predicted))
    assert found.f1 == pytest.approx(metrics.f1_score(said.present, said.predicted))
    assert found.specificity == pytest.approx(metrics.recall_score(~said.present, ~said.predicted))


def test_the_brier_score_of_findings_is_the_mean_of_scikit_learns():
    said = findings()
    theirs = [metrics.brier_score_loss(said.present[:, c], said.probabilities[:, c]) for c in range(2)]
    assert evaluate_findings(said, ("effusion", "mass"), "test").brier == pytest.approx(np.mean(theirs), rel=1e-5)


def test_equal_probabilities_rank_nothing():
    said = Predictions(drawn().labels, np.full((200, 4), 0.25, np.float32), drawn().groups)
    found = evaluate(said, CLASSES, "test")
    assert found.auroc == 0.5
    assert (found.intervals["auroc"].low, found.intervals["auroc"].high) == (0.5, 0.5)
    assert found.auprc == pytest.approx(1 / 3)  # the mean of the three classes' shares
    assert [(item.confidence, item.count) for item in found.reliability] == [(0.25, 200)]


def test_one_group_has_scores_but_no_intervals():
    said = Predictions(drawn().labels, drawn().probabilities, np.zeros(200, np.int64))
    found = evaluate(said, CLASSES, "test")
    assert (found.groups, dict(found.intervals)) == (1, {})
    assert found.accuracy == evaluate(drawn(), CLASSES, "test").accuracy


def test_names_must_be_as_many_as_the_columns():
    with pytest.raises(ValueError, match="4 names, one for each column of probabilities, not 3"):
        evaluate(drawn(), CLASSES[:3], "test")
    with pytest.raises(ValueError, match="2 names, one for each column of probabilities, not 1"):
        evaluate_findings(findings(), ("mass",), "test")
