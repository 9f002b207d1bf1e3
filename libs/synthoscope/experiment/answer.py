"""The experiment's one answer: do synthetic images help beyond what is to be had without them?

Help counts only against every control: the real images alone, with classical augmentation, and repeated as often as
there are synthetic ones. A gain over the real images alone may be one of variety or of repetition, which cost nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synthoscope.experiment.verdict import Finding, Judged, points


@dataclass(frozen=True)
class Answer:
    """What all synthetic arms together showed, and the text that says so, with figures."""

    finding: Finding
    text: str


@dataclass(frozen=True)
class _Arm:
    """A synthetic arm against each control."""

    comparisons: Sequence[Judged]

    @property
    def hardest(self) -> Judged:
        """Its comparison with the control that it does least well against."""
        return min(self.comparisons, key=lambda item: item.comparison.difference)

    @property
    def gain_excluded(self) -> bool:
        return any(item.gain_excluded for item in self.comparisons)

    @property
    def helps(self) -> bool:
        """Better than each control: all must be shown, as in an intersection-union test (Berger 1982)."""
        return all(item.finding is Finding.HELPS for item in self.comparisons)

    @property
    def harms(self) -> bool:
        found = {item.finding for item in self.comparisons}
        return Finding.HARMS in found and Finding.HELPS not in found


def answer(
    family: Sequence[Judged], synthetic: Sequence[str], controls: Sequence[str], oracle: Judged | None = None
) -> Answer:
    """The answer that the judged comparisons of synthetic arms with each of the controls give.

    Synthetic images help when one arm is better than every control. They harm when each arm is worse than some control
    and better than none, and make no difference that matters when for each arm a gain that matters over some control is
    excluded. `oracle` compares extra real images with the real ones: an experiment that does not see that gain would
    have seen no other.
    Raises ValueError without arms or controls, and for an arm that was not compared with every control.
    """
    if not synthetic or not controls:
        raise ValueError("an answer needs at least one synthetic arm and one control")
    arms = [_arm(family, name, controls) for name in synthetic]
    finding = _finding(arms)
    candidates = [arm for arm in arms if arm.helps] or arms
    best = max(candidates, key=lambda arm: arm.hardest.comparison.difference).hardest
    parts = [
        _OPENINGS[finding].format(points(best.margin)),
        f"{best.arm} against {best.reference}: {best.figures}.",
        *([_CHOSEN.format(len(arms))] if len(arms) > 1 else []),
        *([] if finding is Finding.HELPS else [*_halfway(arms, controls), *_sensitivity(oracle)]),
    ]
    return Answer(finding, " ".join(parts))


def _arm(family: Sequence[Judged], name: str, controls: Sequence[str]) -> _Arm:
    found = {item.reference: item for item in family if item.arm == name}
    missing = [control for control in controls if control not in found]
    if missing:
        raise ValueError(f"{name} was not compared with {', '.join(missing)}")
    return _Arm([found[control] for control in controls])


def _finding(arms: Sequence[_Arm]) -> Finding:
    if any(arm.helps for arm in arms):
        return Finding.HELPS
    if all(arm.harms for arm in arms):
        return Finding.HARMS
    return Finding.NO_DIFFERENCE if all(arm.gain_excluded for arm in arms) else Finding.UNDECIDED


def _halfway(arms: Sequence[_Arm], controls: Sequence[str]) -> Iterable[str]:
    """Which controls some arm was better than, though none than all."""
    beaten = {item.reference for arm in arms for item in arm.comparisons if item.finding is Finding.HELPS}
    if beaten:
        some = _listed([control for control in controls if control in beaten])
        yield f"Some were better than {some}, but none was shown to be better than all of {_listed(controls)}."


def _sensitivity(oracle: Judged | None) -> Iterable[str]:
    """Whether the experiment saw the gain of extra real images."""
    if oracle is None:
        return
    if oracle.finding is Finding.HELPS:
        yield f"It would have seen a gain like that of extra real images: {oracle.figures}."
    else:
        yield f"It did not see a gain of extra real images either, so it says little: {oracle.figures}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


_OPENINGS = {
    Finding.HELPS: "Synthetic images help, beyond all controls.",
    Finding.HARMS: "Synthetic images harm: each way to use them is worse than a control, and better than none.",
    Finding.NO_DIFFERENCE: (
        "Synthetic images do not help: for each way to use them, a gain of {} or more over some control is excluded."
    ),
    Finding.UNDECIDED: "Whether synthetic images help is undecided: the data are too few.",
}
_CHOSEN = "That is the best of {} ways to use them, and as the best of several likely too good a figure."
