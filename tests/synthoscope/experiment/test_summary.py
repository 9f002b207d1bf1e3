"""Runs are drawn: an image is right with a chance of its own, and a planted gain makes more of them right."""

import numpy as np
import pytest
from made_experiments import specification
from sklearn.metrics import balanced_accuracy_score

from synthoscope.api.experiments.v1.experiments_pb2 import ArmComparison
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import Trial
from synthoscope.experiment.summary import CONTROLS, SCORE, Summary, name_of, summarise
from synthoscope.metrics.predictions import Predictions
from synthoscope.rpc.errors import FailedPrecondition

PRESET = "cnn-64"
IMAGES = 2400
LABELS = np.array([0] * 1600 + [1] * 600 + [2] * 200)
"""Three classes of very different sizes, which balanced accuracy counts alike."""

SHARE = ("With 25 % of the real images: ", "With 100 % of the real images: ")


def said(trial: Trial, chance: float, labels=LABELS, groups=None, common: float = 0.97) -> Predictions:
    """Of each run: most images are right or wrong as in all runs of this chance, the others anew."""
    hard = np.random.default_rng(1).random(len(labels))
    own = np.random.default_rng([2, trial.seed, list(Arm).index(trial.arm), int(100 * trial.ratio)])
    right = np.where(own.random(len(labels)) < common, hard, own.random(len(labels))) < chance
    probabilities = np.full((len(labels), 3), 0.1, np.float32)
    probabilities[np.arange(len(labels)), np.where(right, labels, (labels + 1) % 3)] = 0.8
    return Predictions(labels, probabilities, np.full(len(labels), -1) if groups is None else groups)


def runs(skill, seeds=5, fraction=0, preset=PRESET, **fields) -> dict[Trial, Predictions]:
    """Runs of these arms, (arm, ratio) or arm, each with its chance to be right."""
    found = {}
    for key, chance in skill.items():
        arm, ratio = key if isinstance(key, tuple) else (key, 0.0)
        for seed in range(seeds):
            trial = Trial(arm, ratio, fraction, preset, seed)
            found[trial] = said(trial, chance, **fields)
    return found


ALIKE = dict.fromkeys(CONTROLS, 0.8)


def summary(skill, **fields) -> Summary:
    return summarised(runs(skill, **fields))


def summarised(tested, empty=lambda trial: False) -> Summary:
    """Of runs that all learned from synthetic images, but for those that are `empty`."""
    return summarise(specification(), PRESET, tested, {trial: 0 if empty(trial) else 10 for trial in tested})


def by_pair(found: Summary) -> dict[tuple[str, str], ArmComparison]:
    return {(item.arm, item.reference): item for item in found.comparisons}


@pytest.fixture(scope="module")
def helped() -> Summary:
    return summary({**ALIKE, (Arm.SYNTHETIC, 1.0): 0.88, Arm.ORACLE: 0.9})


@pytest.fixture(scope="module")
def nothing() -> Summary:
    return summary({**ALIKE, (Arm.SYNTHETIC, 1.0): 0.8, Arm.ORACLE: 0.9})


def test_a_planted_gain_helps(helped):
    found = by_pair(helped)["real + synthetic ×1", "real"]
    assert found.finding == "helps"
    assert 0.05 < found.interval.low < found.difference < found.interval.high < 0.11
    assert found.p_value <= found.adjusted_p_value < 0.05
    assert (found.share, found.preset, found.score) == (0.25, PRESET, "balanced_accuracy")
    assert found.sentence.startswith("real + synthetic ×1 is better than real: +")
    assert "no comparison" not in helped.verdict[0]
    assert helped.verdict[0].startswith(f"{SHARE[0]}Synthetic images help, beyond all controls. real + synthetic ×1 ")


def test_a_planted_null_is_said_to_be_one_and_that_more_real_images_would_have_been_seen_to_help(nothing):
    synthetic = [item for (arm, _), item in by_pair(nothing).items() if arm != Arm.ORACLE]
    assert {item.finding for item in synthetic} == {"no difference that matters"}
    assert nothing.verdict[0].startswith(
        f"{SHARE[0]}Synthetic images do not help: for each way to use them, a gain of 1 point or more over some"
    )
    assert "It would have seen a gain like that of extra real images: +" in nothing.verdict[0]


def test_the_oracle_is_no_harder_to_see_beside_many_arms(nothing):
    """It is a family of its own: Holm's correction of the synthetic arms does not reach it."""
    oracle = by_pair(nothing)["real + more real", "real"]
    assert oracle.adjusted_p_value == oracle.p_value > 0
    synthetic = by_pair(nothing)["real + synthetic ×1", "real"]
    assert synthetic.adjusted_p_value > synthetic.p_value


def test_a_planted_loss_harms():
    found = summary({**ALIKE, Arm.SYNTHETIC_ONLY: 0.6})
    assert {item.finding for item in found.comparisons} == {"harms"}
    assert found.verdict[0].startswith(f"{SHARE[0]}Synthetic images harm")


def test_a_gain_that_repetition_gives_as_well_is_no_help():
    found = summary({Arm.REAL: 0.8, Arm.AUGMENTED: 0.8, Arm.DUPLICATED: 0.88, (Arm.SYNTHETIC, 1.0): 0.88})
    findings = {reference: item.finding for (_, reference), item in by_pair(found).items()}
    assert findings == {
        "real": "helps", "real + augmentation": "helps", "real twice": "no difference that matters",
    }  # fmt: skip
    assert "Synthetic images do not help" in found.verdict[0]
    assert "Some were better than real and real + augmentation, but none" in found.verdict[0]


def test_too_few_images_leave_it_undecided():
    found = summary({**ALIKE, (Arm.SYNTHETIC, 1.0): 0.82}, labels=np.arange(45) % 3, common=0.5)
    assert {item.finding for item in found.comparisons} == {"undecided"}
    assert "Whether synthetic images help is undecided: the data are too few." in found.verdict[0]


def test_synthetic_arms_meet_each_control_and_the_oracle_the_real_images(helped):
    assert set(by_pair(helped)) == {
        ("real + synthetic ×1", "real"),
        ("real + synthetic ×1", "real + augmentation"),
        ("real + synthetic ×1", "real twice"),
        ("real + more real", "real"),
    }
    every = {**ALIKE, Arm.FILTERED: 0.8, Arm.BALANCED: 0.8, Arm.SYNTHETIC_ONLY: 0.7, (Arm.SYNTHETIC, 0.5): 0.8}
    arms = {"real + filtered synthetic", "real, balanced with synthetic", "synthetic only", "real + synthetic ×0.5"}
    assert set(by_pair(summary(every))) == {(arm, str(control)) for arm in arms for control in CONTROLS}


def test_controls_alone_are_not_compared():
    assert summary(ALIKE) == Summary([], [])


def test_the_verdict_has_each_synthetic_arm_against_the_real_images(nothing):
    sentences = [item.sentence for item in nothing.comparisons if item.reference == "real"]
    assert len(sentences) == 2
    assert nothing.verdict[1:] == [SHARE[0] + text for text in sentences]


def test_an_arm_that_adds_no_synthetic_image_is_not_judged():
    """It is the arm of real images: its zeros are no evidence, and cost the other arms power."""
    others = {**ALIKE, (Arm.SYNTHETIC, 1.0): 0.88}
    more = {(Arm.SYNTHETIC, 0.01): 0.8, (Arm.SYNTHETIC, 0.001): 0.8, Arm.BALANCED: 0.8}
    found = summarised(runs({**others, **more}), lambda trial: trial.arm is Arm.BALANCED or trial.ratio < 1)
    without = summary(others)
    assert found.comparisons == without.comparisons
    assert found.verdict[:-3] == without.verdict
    too_few = "adds nothing, and was left out: of each class, it would be less than half an image."
    assert found.verdict[-3:] == [
        f"{SHARE[0]}real, balanced with synthetic adds nothing, and was left out: the classes are of one size.",
        f"{SHARE[0]}real + synthetic ×0.001 {too_few}",
        f"{SHARE[0]}real + synthetic ×0.01 {too_few}",
    ]


def test_where_no_synthetic_arm_adds_anything_the_verdict_says_that_alone():
    found = summarised(runs({**ALIKE, Arm.BALANCED: 0.8}), lambda trial: trial.arm is Arm.BALANCED)
    left_out = "real, balanced with synthetic adds nothing, and was left out: the classes are of one size."
    assert found == Summary([], [SHARE[0] + left_out])


def test_an_arm_is_left_out_only_where_it_adds_nothing():
    both = runs({**ALIKE, Arm.BALANCED: 0.8}) | runs({**ALIKE, Arm.BALANCED: 0.8}, fraction=1)
    found = summarised(both, lambda trial: trial.arm is Arm.BALANCED and trial.fraction == 0)
    assert {(item.share, item.arm) for item in found.comparisons} == {(1.0, "real, balanced with synthetic")}
    assert [text for text in found.verdict if "adds nothing" in text] == found.verdict[:1]


def test_differences_are_those_of_scikit_learn(helped):
    tested = runs({**ALIKE, (Arm.SYNTHETIC, 1.0): 0.88, Arm.ORACLE: 0.9})
    assert SCORE == "balanced_accuracy"

    def scores(arm):
        chosen = [found for trial, found in tested.items() if trial.arm is arm]
        return np.array([balanced_accuracy_score(found.labels, found.predicted) for found in chosen])

    for arm, name in ((Arm.SYNTHETIC, "real + synthetic ×1"), (Arm.ORACLE, "real + more real")):
        gained = scores(arm) - scores(Arm.REAL)
        found = by_pair(helped)[name, "real"]
        assert found.difference == pytest.approx(gained.mean())
        assert found.effect_size == pytest.approx(gained.mean() / gained.std(ddof=1))
        assert found.effect_size_interval.low < found.effect_size < found.effect_size_interval.high


def test_where_all_seeds_agree_there_is_no_effect_size():
    found = summary({Arm.REAL: 0.8, Arm.SYNTHETIC_ONLY: 0.8}, common=1.0)
    (comparison,) = found.comparisons
    assert not comparison.HasField("effect_size")
    assert (comparison.difference, comparison.p_value) == (0, 1)
    assert comparison.finding == "no difference that matters"


def test_seeds_that_were_cut_off_do_not_count():
    whole = runs({Arm.REAL: 0.8, (Arm.SYNTHETIC, 1.0): 0.88})
    cut = {trial: found for trial, found in whole.items() if (trial.arm, trial.seed) != (Arm.REAL, 4)}
    paired = {trial: found for trial, found in whole.items() if trial.seed < 4}
    both = [summarised(tested) for tested in (cut, paired)]
    assert both[0] == both[1]
    assert "4 seeds" in both[0].verdict[0]


def test_seeds_are_paired_by_their_numbers_not_by_their_places():
    tested = runs({Arm.REAL: 0.8, (Arm.SYNTHETIC, 1.0): 0.8})
    turned = dict(reversed(tested.items()))
    first, second = (summarised(runs).comparisons[0] for runs in (tested, turned))
    assert first == second


@pytest.mark.parametrize("left", [{0: [0], 1: [0, 1]}, {0: [0, 1], 1: [1, 2]}, {0: [0, 1], 1: []}])
def test_with_less_than_two_seeds_in_common_there_is_no_comparison(left):
    """`left` are seeds of the real and of the synthetic arm."""
    whole = runs({Arm.REAL: 0.8, Arm.SYNTHETIC_ONLY: 0.8})
    arms = (Arm.REAL, Arm.SYNTHETIC_ONLY)
    tested = {trial: found for trial, found in whole.items() if trial.seed in left[arms.index(trial.arm)]}
    assert summarised(tested) == Summary([], [])


def test_an_answer_counts_the_controls_that_every_arm_has_met():
    """The budget ended before the repeated images had a second seed."""
    tested = runs({Arm.REAL: 0.8, Arm.AUGMENTED: 0.8, (Arm.SYNTHETIC, 1.0): 0.88}) | runs(
        {Arm.DUPLICATED: 0.8}, seeds=1
    )
    found = summarised(tested)
    assert {item.reference for item in found.comparisons} == {"real", "real + augmentation"}
    assert "Synthetic images help, beyond all controls" in found.verdict[0]
    assert found.verdict[0].endswith(" There was no comparison with real twice.")


def test_fractions_are_summarised_each_for_itself_and_other_networks_are_left_out():
    small = {**ALIKE, (Arm.SYNTHETIC, 1.0): 0.88}
    large = {**ALIKE, (Arm.SYNTHETIC, 1.0): 0.8}
    tested = runs(small) | runs(large, fraction=1)
    others = runs({Arm.REAL: 0.1, (Arm.SYNTHETIC, 1.0): 0.9}, fraction=1, preset="cnn-128")
    found = summarised(tested | others)
    assert found == summarised(tested)
    assert {(item.share, item.finding) for item in found.comparisons} == {
        (0.25, "helps"), (1.0, "no difference that matters"),
    }  # fmt: skip
    assert [text.partition(": ")[0] + ": " for text in found.verdict] == [SHARE[0]] * 2 + [SHARE[1]] * 2
    # Another fraction's comparisons cost no power.
    assert by_pair(summarised(runs(small))) == by_pair(Summary(found.comparisons[:3], found.verdict))


def test_copies_in_the_test_split_are_no_further_evidence():
    skill = {Arm.REAL: 0.8, Arm.SYNTHETIC_ONLY: 0.82}
    alone, copies = (summary(skill, groups=groups).comparisons[0] for groups in (None, np.arange(IMAGES) // 40))
    assert alone.difference == copies.difference
    assert "60 groups of images" in copies.sentence
    assert "2400 groups of images" in alone.sentence


def test_nothing_trained_is_nothing_to_compare():
    assert summarised({}) == Summary([], [])


def test_images_of_one_patient_cannot_tell_arms_apart():
    with pytest.raises(FailedPrecondition, match="of one patient: no arm can be judged"):
        summary({Arm.REAL: 0.8, Arm.SYNTHETIC_ONLY: 0.82}, groups=np.zeros(IMAGES, np.int64))


def test_arms_in_words():
    assert name_of(Trial(Arm.SYNTHETIC, 0.25, 0, PRESET, 0)) == "real + synthetic ×0.25"
    assert name_of(Trial(Arm.SYNTHETIC, 2.0, 0, PRESET, 0)) == "real + synthetic ×2"
    assert name_of(Trial(Arm.BALANCED, 0.0, 0, PRESET, 0)) == "real, balanced with synthetic"
