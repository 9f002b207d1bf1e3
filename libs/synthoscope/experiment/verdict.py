"""What a comparison means, in plain words; a null is said to be one."""

from dataclasses import dataclass
from enum import StrEnum

from synthoscope.experiment.comparing import Comparison

LEVEL = 0.05
SMALLEST = 0.01
"""The smallest difference that matters, as a share: one point."""


class Finding(StrEnum):
    """What a comparison showed."""

    HELPS = "helps"
    HARMS = "harms"
    NO_DIFFERENCE = "no difference that matters"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Judged:
    """A comparison of `arm` with `reference`, its p-value after Holm's correction, and what it showed."""

    arm: str
    reference: str
    comparison: Comparison
    adjusted_p: float
    finding: Finding

    @property
    def sentence(self) -> str:
        """It in one sentence, with its figures in points."""
        found = self.comparison
        figures = (
            f"{100 * found.difference:+.1f} points (95 % interval {100 * found.low:+.1f} to {100 * found.high:+.1f}, "
            f"p {_p(self.adjusted_p)} after Holm's correction, {found.seeds} seeds)"
        )
        return f"{self.arm} against {self.reference}: {_MEANINGS[self.finding]}: {figures}."


def judge(arm: str, reference: str, comparison: Comparison, adjusted_p: float) -> Judged:
    """What a comparison showed.

    A difference is one whose adjusted p-value is at most 5 %. Without one, there is no difference that matters when the
    interval lies within one point either way; else the data is too little to say.
    """
    if adjusted_p <= LEVEL:
        finding = Finding.HELPS if comparison.difference > 0 else Finding.HARMS
    elif comparison.low >= -SMALLEST and comparison.high <= SMALLEST:
        finding = Finding.NO_DIFFERENCE
    else:
        finding = Finding.UNDECIDED
    return Judged(arm, reference, comparison, adjusted_p, finding)


_MEANINGS = {
    Finding.HELPS: "better",
    Finding.HARMS: "worse",
    Finding.NO_DIFFERENCE: f"no difference of more than {100 * SMALLEST:.0f} point either way",
    Finding.UNDECIDED: "no difference was shown, and one that matters is not excluded",
}


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
