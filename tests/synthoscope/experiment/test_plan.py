from collections import Counter

import pytest

from synthoscope.api.experiments.v1.experiments_pb2 import Arm as ArmMessage
from synthoscope.api.experiments.v1.experiments_pb2 import ExperimentSpecification, Fraction
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import (
    DEFAULT_RATIOS,
    Trial,
    first_trials,
    further_trials,
    largest_fraction,
    seeds_of,
)

PRESETS = ("cnn-64", "resnet50")


def fraction(share: float, *, synthetic: bool = True, filtered: bool = True, further: bool = True) -> Fraction:
    return Fraction(
        share=share,
        dataset_version=f"version of {share}",
        further_version="further" if further else "",
        synthetic_sets=["s"] * synthetic,
        filtered_sets=["f"] * filtered,
    )


def specification(*fractions: Fraction, **fields) -> ExperimentSpecification:
    whole = fraction(1.0, further=False)
    return ExperimentSpecification(
        fractions=fractions or [fraction(0.25), whole], **{"presets": PRESETS, "seeds": 3, **fields}
    )


def arms(trials, **of) -> list[tuple[Arm, float]]:
    """Arms and ratios of the trials of this fraction and seed, in their order."""
    return [
        (trial.arm, trial.ratio) for trial in trials if all(getattr(trial, name) == value for name, value in of.items())
    ]


def test_first_come_all_networks_on_the_largest_fraction_without_and_with_synthetic_images():
    assert first_trials(specification(seeds=2)) == [
        Trial(arm, ratio, 1, preset, seed)
        for seed in (0, 1)
        for arm, ratio in ((Arm.REAL, 0.0), (Arm.SYNTHETIC, 1.0))
        for preset in PRESETS
    ]


def test_the_largest_fraction_need_not_be_the_last():
    asked = specification(fraction(0.1), fraction(0.9), fraction(0.5))
    assert largest_fraction(asked) == 1
    assert {trial.fraction for trial in first_trials(asked)} == {1}


def test_without_synthetic_images_networks_are_compared_on_real_ones():
    for asked in (specification(fraction(1.0, synthetic=False)), specification(arms=[ArmMessage.ARM_ORACLE])):
        assert {trial.arm for trial in first_trials(asked)} == {Arm.REAL}


def test_then_come_all_arms_on_all_fractions_by_the_chosen_network():
    trials = further_trials(specification(), "resnet50")
    assert {trial.preset for trial in trials} == {"resnet50"}
    synthetic = [(Arm.SYNTHETIC, ratio) for ratio in DEFAULT_RATIOS]
    alone = [(arm, 0.0) for arm in (Arm.REAL, Arm.AUGMENTED, Arm.DUPLICATED)]
    others = [(arm, 0.0) for arm in (Arm.FILTERED, Arm.BALANCED, Arm.SYNTHETIC_ONLY)]
    assert arms(trials, fraction=0, seed=1) == [*alone, *synthetic, *others, (Arm.ORACLE, 0.0)]


def test_what_was_trained_first_is_not_trained_again():
    asked = specification()
    first, further = first_trials(asked), further_trials(asked, "cnn-64")
    assert not set(first) & set(further)
    found = arms(further, fraction=1, seed=2)
    assert (Arm.REAL, 0.0) not in found
    assert [ratio for arm, ratio in found if arm is Arm.SYNTHETIC] == [0.25, 0.5, 2.0]


def test_no_training_and_no_id_comes_twice():
    asked = specification()
    trials = [*first_trials(asked), *further_trials(asked, "cnn-64")]
    assert max(Counter(trials).values()) == 1
    assert max(Counter(trial.id for trial in trials).values()) == 1


def test_a_budget_cuts_off_the_last_seeds_of_all_arms_alike():
    asked = specification()
    for trials in (first_trials(asked), further_trials(asked, "cnn-64")):
        seeds = [trial.seed for trial in trials]
        assert seeds == sorted(seeds)
        assert len(set(Counter(seeds).values())) == 1


@pytest.mark.parametrize(("lacking", "arms_left_out"), [
    ({"synthetic": False}, {Arm.SYNTHETIC, Arm.BALANCED, Arm.SYNTHETIC_ONLY}),
    ({"filtered": False}, {Arm.FILTERED}),
    ({"further": False}, {Arm.ORACLE}),
])  # fmt: skip
def test_arms_without_images_are_left_out_of_their_fraction_alone(lacking, arms_left_out):
    trials = further_trials(specification(fraction(0.2, **lacking), fraction(0.5), fraction(1.0)), "cnn-64")
    found = [{trial.arm for trial in trials if trial.fraction == index} for index in (0, 1)]
    assert found == [set(Arm) - arms_left_out, set(Arm)]


def test_only_the_arms_asked_for_are_trained_besides_the_real_one():
    asked = specification(arms=[ArmMessage.ARM_BALANCED, ArmMessage.ARM_DUPLICATED, ArmMessage.ARM_BALANCED])
    trials = further_trials(asked, "cnn-64")
    assert arms(trials, fraction=0, seed=0) == [(Arm.REAL, 0.0), (Arm.DUPLICATED, 0.0), (Arm.BALANCED, 0.0)]


def test_ratios_are_those_asked_for():
    trials = further_trials(specification(ratios=[3.0, 0.1], arms=[ArmMessage.ARM_SYNTHETIC]), "cnn-64")
    assert arms(trials, fraction=0, seed=0) == [(Arm.REAL, 0.0), (Arm.SYNTHETIC, 3.0), (Arm.SYNTHETIC, 0.1)]


def test_seeds_are_five_unless_asked_for():
    assert seeds_of(specification(seeds=0)) == 5
    assert {trial.seed for trial in further_trials(specification(seeds=2), "cnn-64")} == {0, 1}


def test_ids_say_what_a_trial_is():
    assert Trial(Arm.SYNTHETIC, 0.5, 1, "cnn-64", 4).id == "cnn-64-1-synthetic-0.5-4"
    assert Trial(Arm.SYNTHETIC_ONLY, 0.0, 0, "vgg16", 0).id == "vgg16-0-synthetic_only-0"
