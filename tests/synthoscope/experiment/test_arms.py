"""Images are told apart by their first value, so that a test sees which ones an arm was given."""

from itertools import pairwise

import numpy as np
import pytest

from synthoscope.api.experiments.v1.experiments_pb2 import Arm as ArmMessage
from synthoscope.classifier.data import LabelledPixels
from synthoscope.experiment.arms import Arm, Composition, Material, compose
from synthoscope.rpc.errors import FailedPrecondition

COUNTS = (8, 4, 2)
SYNTHETIC, FILTERED, FURTHER = 1000, 2000, 3000
"""Where the numbers of each kind of images begin; those of real ones begin at 0."""


def pool(first: int, *counts: int) -> LabelledPixels:
    """As many images of each class, numbered from `first`, in no order of classes."""
    labels = np.random.default_rng(first).permutation(np.repeat(np.arange(len(counts)), counts))
    numbers = np.arange(first, first + len(labels), dtype=np.uint16)
    images = np.zeros((len(labels), 2, 2, 3), np.uint8)
    images[:, 0, 0, :2] = numbers.view(np.uint8).reshape(-1, 2)
    return LabelledPixels(images, labels)


def numbers(images: LabelledPixels) -> list[int]:
    return np.ascontiguousarray(images.images[:, 0, 0, :2]).view(np.uint16).ravel().tolist()


REAL = pool(0, *COUNTS)
MATERIAL = Material(
    REAL,
    further=pool(FURTHER, 20, 20, 20),
    synthetic=pool(SYNTHETIC, 60, 60, 60),
    filtered=pool(FILTERED, 20, 20, 20),
)


def composed(arm: Arm, ratio: float = 0.0, material: Material = MATERIAL, seed: int = 0) -> Composition:
    return compose(arm, ratio, material, seed)


def added(found: Composition) -> LabelledPixels:
    """What an arm has besides the real images, which come first."""
    assert numbers(found.images)[: len(REAL)] == numbers(REAL)
    return found.images.take(np.arange(len(REAL), len(found.images)))


@pytest.mark.parametrize("arm", list(Arm))
def test_arms_are_those_of_the_contract(arm):
    assert Arm.of(arm.message) is arm
    assert ArmMessage.Name(arm.message) == f"ARM_{arm.name}"


def test_the_contract_has_no_other_arms():
    assert {arm.message for arm in Arm} == set(ArmMessage.values()) - {ArmMessage.ARM_UNSPECIFIED}
    with pytest.raises(KeyError):
        Arm.of(ArmMessage.ARM_UNSPECIFIED)


@pytest.mark.parametrize("arm", [Arm.REAL, Arm.AUGMENTED])
def test_two_arms_have_the_real_images_and_nothing_else(arm):
    found = composed(arm, material=Material(REAL))
    assert numbers(found.images) == numbers(REAL)
    assert found.real == 14


def test_duplicated_has_every_real_image_twice_and_no_other():
    found = composed(Arm.DUPLICATED, material=Material(REAL))
    assert sorted(numbers(found.images)) == sorted(2 * numbers(REAL))
    assert found.real == len(found.images) == 28


@pytest.mark.parametrize(("arm", "ratio", "first", "counts"), [
    (Arm.SYNTHETIC, 0.25, SYNTHETIC, [2, 1, 1]),
    (Arm.SYNTHETIC, 0.5, SYNTHETIC, [4, 2, 1]),
    (Arm.SYNTHETIC, 1.0, SYNTHETIC, [8, 4, 2]),
    (Arm.SYNTHETIC, 2.0, SYNTHETIC, [16, 8, 4]),
    (Arm.FILTERED, 0.0, FILTERED, [8, 4, 2]),
    (Arm.BALANCED, 0.0, SYNTHETIC, [0, 4, 6]),
])  # fmt: skip
def test_synthetic_images_are_added_in_number_class_by_class(arm, ratio, first, counts):
    found = composed(arm, ratio)
    more = added(found)
    assert more.counts(3).tolist() == counts
    assert found.real == 14
    assert all(first <= number < first + 1000 for number in numbers(more))
    assert len(set(numbers(more))) == len(more)


def test_arms_with_as_many_again_have_as_many_images_and_classes():
    arms = [composed(arm, 1.0) for arm in (Arm.DUPLICATED, Arm.SYNTHETIC, Arm.FILTERED)]
    assert [found.images.counts(3).tolist() for found in arms] == [[16, 8, 4]] * 3
    assert composed(Arm.SYNTHETIC_ONLY).images.counts(3).tolist() == list(COUNTS)
    assert composed(Arm.BALANCED).images.counts(3).tolist() == [8, 8, 8]


def test_synthetic_only_has_no_real_image():
    found = composed(Arm.SYNTHETIC_ONLY)
    assert found.real == 0
    assert min(numbers(found.images)) >= SYNTHETIC


def test_labels_stay_with_their_images():
    of = {
        number: label
        for part in (REAL, MATERIAL.synthetic)
        for number, label in zip(numbers(part), part.labels, strict=True)
    }
    images = composed(Arm.SYNTHETIC, 1.0).images
    assert images.labels.tolist() == [of[number] for number in numbers(images)]


def test_the_oracle_has_all_further_real_images():
    found = composed(Arm.ORACLE)
    assert numbers(added(found)) == numbers(MATERIAL.further)
    assert found.real == len(found.images) == 14 + 60


@pytest.mark.parametrize("arm", [Arm.SYNTHETIC, Arm.FILTERED, Arm.BALANCED, Arm.SYNTHETIC_ONLY])
def test_a_seed_draws_the_same_images_and_another_seed_others(arm):
    drawn = [numbers(composed(arm, 1.0, seed=seed).images) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) != set(drawn[2])


def test_seeds_draw_all_images_alike():
    drawn = [numbers(added(composed(Arm.SYNTHETIC, 1.0, seed=seed))) for seed in range(300)]
    times = np.bincount(np.concatenate(drawn) - SYNTHETIC, minlength=180)[MATERIAL.synthetic.labels == 0]
    # 40 times each of 60 is to be expected, with a standard deviation of 6.
    assert 15 < times.min() <= times.max() < 65


def test_a_smaller_ratio_has_a_part_of_what_a_larger_one_has():
    drawn = [set(numbers(composed(Arm.SYNTHETIC, ratio, seed=3).images)) for ratio in (0.25, 0.5, 1.0, 2.0)]
    assert all(smaller < larger for smaller, larger in pairwise(drawn))


def test_classes_that_are_balanced_already_need_nothing():
    found = composed(Arm.BALANCED, material=Material(pool(0, 4, 4), synthetic=pool(SYNTHETIC, 1, 1)))
    assert (len(found.images), found.real) == (8, 8)


def test_a_ratio_too_small_for_one_image_adds_none():
    found = composed(Arm.SYNTHETIC, 0.05)
    assert (len(found.images), found.real) == (14, 14)


@pytest.mark.parametrize(("arm", "material", "says"), [
    (Arm.SYNTHETIC, Material(REAL), "no synthetic images"),
    (Arm.BALANCED, Material(REAL), "no synthetic images"),
    (Arm.SYNTHETIC_ONLY, Material(REAL, filtered=MATERIAL.filtered), "no synthetic images"),
    (Arm.FILTERED, Material(REAL, synthetic=MATERIAL.synthetic), "no filtered synthetic images"),
    (Arm.ORACLE, Material(REAL), "no further real images"),
    (Arm.SYNTHETIC, Material(REAL, synthetic=pool(SYNTHETIC, 8, 3, 2)),
        "there are 3 synthetic images of class 1, and 4 are needed; generate more"),
    (Arm.FILTERED, Material(REAL, filtered=pool(FILTERED, 8, 4)),
        "there are 0 filtered synthetic images of class 2, and 2 are needed"),
    (Arm.BALANCED, Material(REAL, synthetic=pool(SYNTHETIC, 0, 4, 5)),
        "there are 5 synthetic images of class 2, and 6 are needed"),
])  # fmt: skip
def test_too_few_images_are_named(arm, material, says):
    with pytest.raises(FailedPrecondition, match=says):
        composed(arm, 1.0, material)
