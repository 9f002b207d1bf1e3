import numpy as np
import pytest

from synthoscope.metrics.classification import evaluate, macro_f1

CLASSES = ("glioma", "notumor", "pituitary")


def test_measures_of_a_small_case_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2])
    predictions = np.array([0, 0, 1, 1, 1, 0])
    result = evaluate(labels, predictions, CLASSES, "test")
    assert result.split == "test"
    assert [list(row.counts) for row in result.confusion] == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert result.accuracy == pytest.approx(4 / 6)
    assert [c.label for c in result.classes] == list(CLASSES)
    assert [c.precision for c in result.classes] == pytest.approx([2 / 3, 2 / 3, 0])
    assert [c.recall for c in result.classes] == pytest.approx([2 / 3, 1, 0])
    assert [c.f1 for c in result.classes] == pytest.approx([2 / 3, 0.8, 0])
    assert [c.support for c in result.classes] == [3, 2, 1]
    assert result.macro_precision == pytest.approx(4 / 9)
    assert result.macro_recall == pytest.approx(5 / 9)
    assert result.macro_f1 == pytest.approx((2 / 3 + 0.8) / 3)
    assert macro_f1(np.array([[2, 1, 0], [0, 2, 0], [1, 0, 0]])) == pytest.approx(result.macro_f1)


def test_a_class_without_images_counts_in_no_average():
    result = evaluate(np.array([0, 1]), np.array([0, 1]), CLASSES, "test")
    assert (result.accuracy, result.macro_precision, result.macro_recall, result.macro_f1) == (1, 1, 1, 1)
    assert len(result.confusion) == 3
    assert result.classes[2].support == 0

    wrong = evaluate(np.array([0, 1]), np.array([0, 2]), CLASSES, "test")
    assert wrong.macro_f1 == macro_f1(np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0]])) == 0.5


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        evaluate(np.array([], np.int64), np.array([], np.int64), CLASSES, "test")
    with pytest.raises(ValueError, match="one length"):
        evaluate(np.array([0]), np.array([0, 1]), CLASSES, "test")
