import numpy as np
import pytest
from sklearn.metrics import f1_score

from synthoscope.metrics.macro_f1 import macro_f1


def test_it_is_scikit_learns_over_classes_with_images():
    labels, predicted = np.array([0, 0, 1, 1, 1, 0]), np.array([0, 1, 1, 1, 2, 0])
    confusion = np.zeros((4, 4), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    expected = f1_score(labels, predicted, labels=[0, 1], average="macro")
    assert macro_f1(confusion) == pytest.approx(expected)


def test_a_class_that_is_never_predicted_counts_as_nothing():
    assert macro_f1(np.array([[3, 0], [2, 0]])) == pytest.approx((2 * 3 / 8) / 2)
