"""What a comparison means, in plain words; a null is said to be one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from synthoscope.experiment.comparing import Comparison
from synthoscope.experiment.holm import holm

LEVEL = 0.05
MARGIN = 0.01
"""The smallest difference that matters, unless one is given: one point."""


class Finding(StrEnum):
    """What a comparison showed."""

    HELPS = "helps"
    HARMS = "harms"
    NO_DIFFERENCE = "no difference that matters"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Judged:
    """A comparison of `arm` with `reference`, its p-value after Holm's correction, and what it showed.

    `margin` is the smallest difference that matters, as a share.
    """

    arm: str
    reference: str
    comparison: Comparison
    adjusted_p: float
    finding: Finding
    margin: float = MARGIN

    @property
    def gain_excluded(self) -> bool:
        """Whether the interval leaves no room for a gain that matters."""
        return self.comparison.high < self.margin

    @property
    def figures(self) -> str:
        """The difference in points, with all that says how far to trust it."""
        found = self.comparison
        return (
            f"{100 * found.difference:+.1f} points (95 % interval {100 * found.low:+.1f} to {100 * found.high:+.1f}, "
            f"p {_p(self.adjusted_p)} after Holm's correction, {found.seeds} seeds, {found.groups} groups of images)"
        )

    @property
    def sentence(self) -> str:
        """It in one sentence, with its figures."""
        return f"{_MEANINGS[self.finding].format(self.arm, self.reference)}: {self.figures}{self._remark}."

    @property
    def _remark(self) -> str:
        found = self.comparison
        match self.finding:
            case Finding.NO_DIFFERENCE:
                return f"; a difference beyond ±{points(self.margin)} is excluded"
            case Finding.UNDECIDED:
                return f"; neither {100 * found.low:+.1f} nor {100 * found.high:+.1f} is excluded"
        within = max(abs(found.low), abs(found.high)) < self.margin
        return f"; it is too small to matter, below {points(self.margin)}" if within else ""


def judge_family(
    comparisons: Mapping[tuple[str, str], Comparison], margin: float = MARGIN, level: float = LEVEL
) -> list[Judged]:
    """What comparisons, by (arm, reference), showed; all of them are one family for Holm's correction."""
    adjusted = holm([comparison.p_value for comparison in comparisons.values()])
    return [
        judge(arm, reference, comparison, adjusted_p, margin, level)
        for ((arm, reference), comparison), adjusted_p in zip(comparisons.items(), adjusted, strict=True)
    ]


def judge(
    arm: str,
    reference: str,
    comparison: Comparison,
    adjusted_p: float,
    margin: float = MARGIN,
    level: float = LEVEL,
) -> Judged:
    """What a comparison showed.

    A difference is one whose adjusted p-value is at most `level`. Without one, there is no difference that matters when
    the 95 % interval lies within ±`margin` (two one-sided tests, Schuirmann 1987, each at 2.5 %); else the data are too
    few to say.
    Raises ValueError for a margin that is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"the smallest difference that matters must be above 0, not {margin}")
    if adjusted_p <= level:
        finding = Finding.HELPS if comparison.difference > 0 else Finding.HARMS
    elif -margin < comparison.low and comparison.high < margin:
        finding = Finding.NO_DIFFERENCE
    else:
        finding = Finding.UNDECIDED
    return Judged(arm, reference, comparison, adjusted_p, finding, margin)


def points(share: float) -> str:
    """A share in points: 0.01 is "1 point"."""
    return f"{100 * share:g} point{'' if abs(100 * share - 1) < 1e-9 else 's'}"


_MEANINGS = {
    Finding.HELPS: "{} is better than {}",
    Finding.HARMS: "{} is worse than {}",
    Finding.NO_DIFFERENCE: "{} is as good as {}",
    Finding.UNDECIDED: "Whether {} is better than {} is undecided, the data are too few",
}


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
