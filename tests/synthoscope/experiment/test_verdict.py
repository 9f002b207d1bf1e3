import numpy as np
import pytest

from synthoscope.experiment.comparing import Comparison, compare
from synthoscope.experiment.verdict import Finding, judge, judge_family, points


def found(difference: float, low: float, high: float, p_value: float = 0.01) -> Comparison:
    return Comparison(difference, low, high, p_value, 1.0, 0.0, 2.0, 5, 600)


@pytest.mark.parametrize(("comparison", "adjusted_p", "finding"), [
    (found(0.02, 0.01, 0.03), 0.02, Finding.HELPS),
    (found(-0.02, -0.03, -0.01), 0.02, Finding.HARMS),
    (found(0.001, -0.005, 0.007), 0.6, Finding.NO_DIFFERENCE),
    (found(0.02, -0.01, 0.05), 0.3, Finding.UNDECIDED),
    (found(0.02, 0.001, 0.039), 0.06, Finding.UNDECIDED),
    (found(0.003, -0.004, 0.01), 0.3, Finding.UNDECIDED),
])  # fmt: skip
def test_what_a_comparison_showed(comparison, adjusted_p, finding):
    assert judge("real + synthetic", "real", comparison, adjusted_p).finding is finding


def test_the_smallest_difference_that_matters_may_be_another():
    comparison = found(0.001, -0.015, 0.017)
    assert judge("a", "b", comparison, 0.6).finding is Finding.UNDECIDED
    assert judge("a", "b", comparison, 0.6, margin=0.02).finding is Finding.NO_DIFFERENCE
    with pytest.raises(ValueError, match="above 0"):
        judge("a", "b", comparison, 0.6, margin=0)


@pytest.mark.parametrize(("comparison", "adjusted_p", "sentence"), [
    (found(0.02, 0.01, 0.03), 0.0002,
        "real + synthetic is better than real: +2.0 points (95 % interval +1.0 to +3.0, p < 0.001 after Holm's "
        "correction, 5 seeds, 600 groups of images)."),
    (found(-0.02, -0.03, -0.01), 0.04,
        "real + synthetic is worse than real: -2.0 points (95 % interval -3.0 to -1.0, p = 0.040 after Holm's "
        "correction, 5 seeds, 600 groups of images)."),
    (found(0.005, 0.001, 0.009), 0.02,
        "real + synthetic is better than real: +0.5 points (95 % interval +0.1 to +0.9, p = 0.020 after Holm's "
        "correction, 5 seeds, 600 groups of images); it is too small to matter, below 1 point."),
    (found(0.001, -0.005, 0.007), 0.6,
        "real + synthetic is as good as real: +0.1 points (95 % interval -0.5 to +0.7, p = 0.600 "
        "after Holm's correction, 5 seeds, 600 groups of images); a difference beyond ±1 point is excluded."),
    (found(0.02, -0.01, 0.05), 0.3,
        "Whether real + synthetic is better than real is undecided, the data are too few: +2.0 points (95 % "
        "interval -1.0 to +5.0, p = 0.300 after Holm's correction, 5 seeds, 600 groups of images); "
        "neither -1.0 nor +5.0 is excluded."),
])  # fmt: skip
def test_the_sentence_has_the_figures_and_says_what_a_null_is(comparison, adjusted_p, sentence):
    assert judge("real + synthetic", "real", comparison, adjusted_p).sentence == sentence


def test_a_family_is_corrected_as_a_whole():
    comparisons = {
        ("a", "real"): found(0.02, 0.01, 0.03, 0.01),
        ("b", "real"): found(0.02, 0.001, 0.039, 0.04),
        ("c", "real"): found(0.02, 0.001, 0.039, 0.03),
    }
    judged = judge_family(comparisons)
    assert [(item.arm, item.reference) for item in judged] == list(comparisons)
    assert [item.adjusted_p for item in judged] == pytest.approx([0.03, 0.06, 0.06])
    assert [item.finding for item in judged] == [Finding.HELPS, Finding.UNDECIDED, Finding.UNDECIDED]


def test_enough_data_of_equals_show_that_they_are_equal():
    random = np.random.default_rng(1)
    arm, reference = (random.random((5, 20_000)) < 0.9 for _ in range(2))
    comparison = compare(arm, reference, np.arange(20_000))
    assert judge("a", "b", comparison, comparison.p_value).finding is Finding.NO_DIFFERENCE


def test_points_are_hundredths():
    assert [points(share) for share in (0.01, 0.02, 0.005, 0.015)] == [
        "1 point",
        "2 points",
        "0.5 points",
        "1.5 points",
    ]
