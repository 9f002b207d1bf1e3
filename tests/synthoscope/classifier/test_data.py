import numpy as np
import pytest

from synthoscope.classifier.data import LabelledPixels, hold_out
from synthoscope.rpc.errors import FailedPrecondition


def pixels(labels, first=0):
    """Images that can be told apart: each is filled with its number."""
    count = len(labels)
    values = np.arange(first, first + count, dtype=np.uint8)[:, None, None, None]
    return LabelledPixels(np.broadcast_to(values, (count, 2, 2, 3)).copy(), np.array(labels, np.int64))


def numbers(part):
    return part.images[:, 0, 0, 0].tolist()


def test_each_class_gives_its_share():
    data = hold_out(pixels([0] * 20 + [1] * 40), None, 0.1, seed=3)
    assert np.bincount(data.validation.labels).tolist() == [2, 4]
    assert sorted(numbers(data.training) + numbers(data.validation)) == list(range(60))


def test_validation_never_holds_a_synthetic_image():
    synthetic = pixels([0, 1] * 10, first=100)
    for seed in range(20):
        data = hold_out(pixels([0] * 10 + [1] * 10), synthetic, 0.5, seed)
        assert max(numbers(data.validation)) < 100
        assert set(range(100, 120)) <= set(numbers(data.training))


def test_synthetic_images_leave_the_held_out_ones_as_they_are():
    real = pixels([0] * 10 + [1] * 10)
    with_them, without = hold_out(real, pixels([0], first=100), 0.2, 5), hold_out(real, None, 0.2, 5)
    assert numbers(with_them.validation) == numbers(without.validation)


def test_small_classes_keep_an_image_on_either_side():
    data = hold_out(pixels([0, 0, 1, 1, 1]), None, 0.01, seed=0)
    assert np.bincount(data.validation.labels).tolist() == [1, 1]
    with pytest.raises(FailedPrecondition, match="at least 2"):
        hold_out(pixels([0, 0, 1]), None, 0.1, seed=0)
