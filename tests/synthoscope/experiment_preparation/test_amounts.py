import numpy as np
import pytest

from synthoscope.api.experiments.v1.experiments_pb2 import Arm as ArmMessage
from synthoscope.classifier.data import LabelledPixels
from synthoscope.experiment import plan
from synthoscope.experiment.arms import Arm, Material, compose
from synthoscope.experiment_preparation import amounts

REAL = {"a": 5, "b": 11, "c": 2}


def images(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    return LabelledPixels(np.zeros((len(labels), 4, 4, 3), np.uint8), labels)


@pytest.mark.parametrize("ratios", [(), (0.25,), (0.3, 3.0)])
def test_the_counts_are_just_enough_for_every_arm(ratios):
    counts = amounts.unfiltered_counts(REAL, set(ArmMessage.values()[1:]), ratios)
    material = Material(images(list(REAL.values())), synthetic=images([counts[label] for label in REAL]))
    for arm in (Arm.BALANCED, Arm.SYNTHETIC_ONLY, Arm.SYNTHETIC):
        for ratio in ratios or plan.DEFAULT_RATIOS:
            compose(arm, ratio, material, seed=0)  # raises when there are too few
    compose(Arm.SYNTHETIC, plan.TABLE_RATIO, material, seed=0)
    largest = max([plan.TABLE_RATIO, *(ratios or plan.DEFAULT_RATIOS)])
    assert counts["b"] == int(11 * largest + 0.5)


def test_only_what_the_arms_draw_from_is_counted():
    assert amounts.unfiltered_counts(REAL, {ArmMessage.ARM_BALANCED}) == {"a": 6, "b": 0, "c": 9}
    assert amounts.unfiltered_counts(REAL, {ArmMessage.ARM_SYNTHETIC_ONLY}) == REAL
    assert amounts.unfiltered_counts(REAL, {ArmMessage.ARM_FILTERED, ArmMessage.ARM_ORACLE}) == {}
    assert amounts.filtered_counts(REAL, {ArmMessage.ARM_FILTERED}) == REAL
    assert amounts.filtered_counts(REAL, {ArmMessage.ARM_SYNTHETIC}) == {}
