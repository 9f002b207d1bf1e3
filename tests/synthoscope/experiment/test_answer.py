import pytest

from synthoscope.experiment.answer import answer
from synthoscope.experiment.comparing import Comparison
from synthoscope.experiment.verdict import Finding, judge

CONTROLS = ["real", "real + augmentation", "real + duplicated"]
GAIN, LOSS, SAME, OPEN = (0.03, 0.01, 0.05), (-0.03, -0.05, -0.01), (0.001, -0.004, 0.006), (0.01, -0.02, 0.04)


def judged(arm, reference, interval):
    shown = interval in (GAIN, LOSS)
    return judge(arm, reference, Comparison(*interval, 0.5, 1.0, 0.0, 2.0, 5, 600), 0.01 if shown else 0.5)


def asked(arms, oracle=None):
    """The answer that arms give, each as intervals against the three controls."""
    family = [
        judged(arm, control, interval)
        for arm, intervals in arms.items()
        for control, interval in zip(CONTROLS, intervals, strict=True)
    ]
    return answer(family, list(arms), CONTROLS, oracle)


@pytest.mark.parametrize(("arms", "finding"), [
    ({"x1": (GAIN, GAIN, GAIN), "x2": (LOSS, LOSS, LOSS)}, Finding.HELPS),
    ({"x1": (GAIN, GAIN, OPEN)}, Finding.UNDECIDED),
    ({"x1": (GAIN, GAIN, SAME)}, Finding.NO_DIFFERENCE),
    ({"x1": (GAIN, LOSS, OPEN)}, Finding.NO_DIFFERENCE),
    ({"x1": (SAME, SAME, OPEN), "x2": (SAME, LOSS, OPEN)}, Finding.NO_DIFFERENCE),
    ({"x1": (SAME, SAME, SAME), "x2": (OPEN, OPEN, OPEN)}, Finding.UNDECIDED),
    ({"x1": (LOSS, LOSS, SAME), "x2": (OPEN, LOSS, OPEN)}, Finding.HARMS),
])  # fmt: skip
def test_help_is_help_beyond_every_control(arms, finding):
    assert asked(arms).finding is finding


def test_help_is_said_with_the_control_that_it_beats_by_least():
    family = [
        judged("x1", "real", (0.05, 0.03, 0.07)),
        judged("x1", "real + augmentation", GAIN),
        judged("x1", "real + duplicated", GAIN),
    ]
    family[0] = judge("x1", "real", Comparison(0.05, 0.03, 0.07, 0.001, 1.0, 0.0, 2.0, 5, 600), 0.003)
    assert answer(family, ["x1"], CONTROLS).text == (
        "Synthetic images help, beyond all controls. x1 against real + augmentation: +3.0 points (95 % interval +1.0 "
        "to +5.0, p = 0.010 after Holm's correction, 5 seeds, 600 groups of images)."
    )


def test_a_gain_over_some_controls_only_is_no_help():
    text = asked({"x1": (GAIN, SAME, SAME), "x2": (SAME, SAME, SAME)}).text
    assert text.startswith(
        "Synthetic images do not help: for each way to use them, a gain of 1 point or more over some control is "
        "excluded."
    )
    assert (
        "Some were better than real, but none was shown to be better than all of real, real + augmentation and" in text
    )
    assert "That is the best of 2 ways to use them" in text


def test_too_little_data_is_said_to_be_too_little():
    assert asked({"x1": (OPEN, OPEN, OPEN)}).text.startswith("Whether synthetic images help is undecided: the data are")


def test_a_null_says_whether_the_experiment_could_have_seen_a_gain():
    nulls = {"x1": (SAME, SAME, SAME)}
    assert "would have seen a gain like that" in asked(nulls, judged("oracle", "real", GAIN)).text
    assert "did not see a gain of extra real images either" in asked(nulls, judged("oracle", "real", OPEN)).text
    assert "extra real images" not in asked({"x1": (GAIN, GAIN, GAIN)}, judged("oracle", "real", OPEN)).text


def test_an_arm_must_have_met_every_control():
    with pytest.raises(ValueError, match=r"x1 was not compared with real \+ duplicated"):
        answer([judged("x1", "real", GAIN)], ["x1"], ["real", "real + duplicated"])
    with pytest.raises(ValueError, match="at least one"):
        answer([], [], CONTROLS)
