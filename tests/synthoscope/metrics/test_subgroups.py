import numpy as np
import pytest

from synthoscope.metrics.predictions import Predictions
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


def test_without_columns_or_with_small_groups_there_is_no_gap():
    assert subgroups(said(np.ones(30, bool)), {}) == ([], None)
    found, gap = subgroups(said(np.ones(30, bool)), {"sex": ["F"] * 19 + ["M"] * 11})
    assert len(found) == 2
    assert gap is None
