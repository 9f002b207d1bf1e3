import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score

from synthoscope.metrics.predictions import FindingPredictions, Predictions
from synthoscope.metrics.subgroups import subgroups


def said(right: np.ndarray) -> Predictions:
    """Two classes in turn, right or wrong as asked."""
    labels = np.arange(len(right)) % 2
    predicted = np.where(right, labels, 1 - labels)
    return Predictions(labels, (0.2 + 0.6 * np.eye(2)[predicted]).astype(np.float32), np.arange(len(right)))


def test_results_by_value_and_the_worst_gap():
    right = np.ones(100, bool)
    right[:10] = False  # of the 40 of one sex
    sexes = ["F"] * 40 + ["M"] * 50 + [""] * 10
    views = ["PA"] * 95 + ["AP"] * 5
    found, gap = subgroups(said(right), {"sex": sexes, "view": views})
    assert [(item.column, item.value, item.images) for item in found] == [
        ("sex", "F", 40), ("sex", "M", 50), ("view", "AP", 5), ("view", "PA", 95),
    ]  # fmt: skip
    assert found[0].accuracy == pytest.approx(0.75)
    assert found[0].balanced_accuracy == pytest.approx(0.75)
    assert found[0].accuracy_interval.low < 0.75 < found[0].accuracy_interval.high
    assert (gap.column, gap.worst, gap.best) == ("sex", "F", "M")
    assert gap.difference == pytest.approx(0.25)
    assert 0.05 < gap.interval.low < 0.25 < gap.interval.high < 0.5


@pytest.mark.parametrize("order", [("sex", "view"), ("view", "sex")])
def test_of_two_columns_the_larger_gap_is_the_worst(order):
    right = np.arange(100) >= 10
    columns = {"sex": ["F"] * 40 + ["M"] * 60, "view": ["AP", "PA"] * 50}
    _, gap = subgroups(said(right), {column: columns[column] for column in order})
    assert (gap.column, gap.difference) == ("sex", pytest.approx(0.25))


def test_without_columns_or_with_small_groups_there_is_no_gap():
    assert subgroups(said(np.ones(30, bool)), {}) == ([], None)
    found, gap = subgroups(said(np.ones(30, bool)), {"sex": ["F"] * 19 + ["M"] * 11})
    assert len(found) == 2
    assert gap is None


def test_scores_of_a_value_are_scikit_learns():
    right = np.random.default_rng(1).random(60) < 0.7
    sexes = ["F", "M", "M"] * 20
    part = said(right).take(np.array(sexes) == "F")
    female = subgroups(said(right), {"sex": sexes})[0][0]
    assert female.balanced_accuracy == pytest.approx(balanced_accuracy_score(part.labels, part.predicted))
    assert female.auroc == pytest.approx(roc_auc_score(part.labels, part.probabilities[:, 1]))


def test_images_of_one_class_have_no_area():
    found, _ = subgroups(said(np.ones(10, bool)), {"view": ["PA", "AP"] * 5})
    assert [item.HasField("auroc") for item in found] == [False, False]
    assert [item.balanced_accuracy for item in found] == [1, 1]


def test_a_value_in_one_group_has_no_interval_and_nor_has_its_gap():
    right = np.arange(40) >= 3
    one = Predictions(said(right).labels, said(right).probabilities, np.r_[np.zeros(20, np.int64), np.arange(1, 21)])
    (female, male), gap = subgroups(one, {"sex": ["F"] * 20 + ["M"] * 20})
    assert not female.HasField("accuracy_interval")
    assert male.HasField("accuracy_interval")
    assert gap.difference == pytest.approx(0.15)
    assert not gap.HasField("interval")


def test_the_gap_of_values_that_share_groups_is_drawn_jointly():
    """Each patient has an image of either view, both right or both wrong but for the first six: most noise cancels."""
    right = np.repeat(np.arange(50) % 2 == 0, 2)
    right[1:13:2] = False
    paired = Predictions(said(right).labels, said(right).probabilities, np.repeat(np.arange(50), 2))
    _, together = subgroups(paired, {"view": ["PA", "AP"] * 50})
    _, apart = subgroups(said(right), {"view": ["PA", "AP"] * 50})
    assert together.difference == apart.difference == pytest.approx(0.06)
    assert together.interval.high - together.interval.low < 0.6 * (apart.interval.high - apart.interval.low)


def test_a_column_must_have_a_value_for_each_image():
    with pytest.raises(ValueError, match='column "sex" must have 30 values, not 29'):
        subgroups(said(np.ones(30, bool)), {"sex": ["F"] * 29})


def test_an_image_of_findings_is_right_when_all_of_them_are():
    random = np.random.default_rng(3)
    present = random.random((80, 3)) < 0.4
    probabilities = (0.4 * present + 0.6 * random.random((80, 3))).astype(np.float32)
    findings = FindingPredictions(present, probabilities, np.arange(80))
    views = ["PA", "AP", "PA", "PA"] * 20
    part = findings.take(np.array(views) == "PA")
    pa = subgroups(findings, {"view": views})[0][1]
    assert (pa.value, pa.images) == ("PA", 60)
    assert 0 < pa.accuracy < 1
    assert pa.accuracy == pytest.approx((part.present == part.predicted).all(axis=1).mean())
    assert pa.balanced_accuracy == pytest.approx(recall_score(part.present, part.predicted, average="macro"))
    assert pa.auroc == pytest.approx(roc_auc_score(part.present, part.probabilities))
