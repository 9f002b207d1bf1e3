from dataclasses import replace

import numpy as np
import pytest

from synthoscope.classifier.config import Balance
from synthoscope.classifier.order import batches, steps_of
from synthoscope.classifier.presets import PRESETS
from synthoscope.rpc.errors import FailedPrecondition

CONFIG = replace(PRESETS["cnn-64"], batch_size=4, seed=7)
LABELS = np.array([0] * 9 + [1] * 2, np.int64)


def test_a_pass_takes_each_image_once_and_leaves_out_what_fills_no_batch():
    rows = batches(CONFIG, LABELS, 0)
    assert rows.shape == (2, 4)
    assert len(set(rows.ravel())) == 8
    assert not np.array_equal(rows, batches(CONFIG, LABELS, 1))
    assert np.array_equal(rows, batches(CONFIG, LABELS, 0))


def test_epochs_of_chosen_length_go_through_all_images_in_turn():
    config = replace(CONFIG, steps_per_epoch=5)
    rows = np.concatenate([batches(config, LABELS, epoch).ravel() for epoch in range(11)])
    assert len(rows) == 11 * 20
    for number in range(20):
        assert sorted(rows[11 * number : 11 * number + 11]) == list(range(11))


def test_balanced_sampling_draws_classes_alike():
    config = replace(CONFIG, steps_per_epoch=50, class_balance=Balance.SAMPLING)
    drawn = np.bincount(LABELS[batches(config, LABELS, 0).ravel()])
    assert drawn.tolist() == [100, 100]
    without_class_1 = np.array([0] * 5 + [2] * 5, np.int64)
    assert set(without_class_1[batches(config, without_class_1, 0).ravel()]) == {0, 2}


def test_fewer_images_than_a_batch_are_an_error():
    with pytest.raises(FailedPrecondition, match="3 training images are fewer than a batch of 4"):
        steps_of(CONFIG, 3)
    assert steps_of(replace(CONFIG, steps_per_epoch=6), 3) == 6
