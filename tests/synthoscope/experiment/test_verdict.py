import pytest

from synthoscope.experiment.comparing import Comparison
from synthoscope.experiment.verdict import Finding, judge


def found(difference: float, low: float, high: float) -> Comparison:
    return Comparison(difference, low, high, 0.01, 1.0, 0.0, 2.0, 5, 600)


@pytest.mark.parametrize(("comparison", "adjusted_p", "finding"), [
    (found(0.02, 0.01, 0.03), 0.02, Finding.HELPS),
    (found(-0.02, -0.03, -0.01), 0.02, Finding.HARMS),
    (found(0.001, -0.005, 0.007), 0.6, Finding.NO_DIFFERENCE),
    (found(0.02, -0.01, 0.05), 0.3, Finding.UNDECIDED),
    (found(0.02, 0.001, 0.039), 0.06, Finding.UNDECIDED),
])  # fmt: skip
def test_what_a_comparison_showed(comparison, adjusted_p, finding):
    assert judge("real + synthetic", "real", comparison, adjusted_p).finding is finding


def test_the_sentence_has_the_figures_and_says_what_a_null_is():
    sentence = judge("real + synthetic", "real", found(0.02, -0.01, 0.05), 0.3).sentence
    assert sentence == (
        "real + synthetic against real: no difference was shown, and one that matters is not excluded: "
        "+2.0 points (95 % interval -1.0 to +5.0, p = 0.300 after Holm's correction, 5 seeds)."
    )
