import numpy as np
import pytest

from synthoscope.metrics.predictions import FindingPredictions, Predictions


def said() -> Predictions:
    probabilities = np.array([[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]], np.float32)
    return Predictions(np.array([0, 1, 1]), probabilities, np.array([4, 4, -1]))


def test_the_likeliest_class_is_predicted_and_the_first_of_equals():
    assert said().predicted.tolist() == [0, 0, 1]
    assert len(said()) == 3


def test_what_was_decided_otherwise_is_predicted():
    decided = Predictions(said().labels, said().probabilities, said().groups, np.array([1, 1, 0]))
    assert decided.predicted.tolist() == [1, 1, 0]
    assert decided.likeliest.tolist() == [0, 0, 1]
    assert decided.take(np.array([2, 0])).predicted.tolist() == [0, 1]
    with pytest.raises(ValueError, match="decided must be 3 numbers"):
        Predictions(said().labels, said().probabilities, said().groups, np.array([1]))


def test_a_finding_is_there_above_one_half():
    probabilities = np.array([[0.5, 0.51]], np.float32)
    found = FindingPredictions(np.array([[True, False]]), probabilities, np.array([0]))
    assert found.predicted.tolist() == [[False, True]]


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True])])
def test_some_images_keep_their_labels_and_groups(rows):
    taken = said().take(rows)
    assert sorted(zip(taken.labels.tolist(), taken.groups.tolist(), strict=True)) == [(0, 4), (1, -1)]
    findings = FindingPredictions(np.eye(3, dtype=bool), np.eye(3, dtype=np.float32), np.arange(3)).take(rows)
    assert sorted(findings.groups.tolist()) == [0, 2]
    assert (findings.present == findings.predicted).all()


@pytest.mark.parametrize(("labels", "probabilities", "message"), [
    ([0, 1], [[0.5, 0.5]], "labels must be 1 numbers"),
    ([2], [[0.5, 0.5]], r"labels must be in \[0, 2\)"),
    ([-1], [[0.5, 0.5]], r"labels must be in \[0, 2\)"),
    ([0], [[np.nan, 0.5]], "probabilities must be in"),
    ([0], [[-0.1, 1.1]], "probabilities must be in"),
    ([0, 0], [[0.5, 0.5], [0.9, 0.2]], r"row 1 .* sums? to 1.1"),
    ([], np.zeros((0, 2)), "N at least 1"),
])  # fmt: skip
def test_what_cannot_be_measured_says_why(labels, probabilities, message):
    probabilities = np.array(probabilities, np.float32)
    with pytest.raises(ValueError, match=message):
        Predictions(np.array(labels, np.int64), probabilities, np.zeros(len(probabilities), np.int64))


def test_findings_that_cannot_be_measured_say_why():
    halves = np.full((2, 3), 0.5, np.float32)
    with pytest.raises(ValueError, match=r"present must be \(2, 3\)"):
        FindingPredictions(np.ones((2, 2), bool), halves, np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="present must be bool, not uint8"):
        FindingPredictions(np.ones((2, 3), np.uint8), halves, np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="groups must be 2 numbers"):
        FindingPredictions(np.ones((2, 3), bool), halves, np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="probabilities must be in"):
        FindingPredictions(np.ones((2, 3), bool), halves * np.nan, np.zeros(2, np.int64))
