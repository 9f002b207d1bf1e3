"""Which trainings an experiment consists of, and in which order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synthoscope.api.experiments.v1.experiments_pb2 import ExperimentSpecification, Fraction
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.needs import has_images

DEFAULT_RATIOS = (0.25, 0.5, 1.0, 2.0)
DEFAULT_SEEDS = 5

TABLE_RATIO = 1.0
"""Synthetic images, times the real ones, in the table that compares all networks before and after."""


@dataclass(frozen=True)
class Trial:
    """One training: an arm (with its ratio) on the fraction of this place, by one network, with one seed."""

    arm: Arm
    ratio: float
    fraction: int
    preset: str
    seed: int

    @property
    def id(self) -> str:
        """Tells it from the others of the experiment, and says what it is."""
        ratio = f"-{self.ratio:g}" if self.arm is Arm.SYNTHETIC else ""
        return f"{self.preset}-{self.fraction}-{self.arm.name.lower()}{ratio}-{self.seed}"


def first_trials(specification: ExperimentSpecification) -> list[Trial]:
    """All networks on the real images of the largest fraction, without and with synthetic ones.

    From them the network is chosen, and they are the table of all networks.
    """
    largest = largest_fraction(specification)
    wanted = [(Arm.REAL, 0.0)]
    if Arm.SYNTHETIC in _arms(specification, specification.fractions[largest]):
        wanted.append((Arm.SYNTHETIC, TABLE_RATIO))
    return [
        Trial(arm, ratio, largest, preset, seed)
        for seed in range(seeds_of(specification))
        for arm, ratio in wanted
        for preset in specification.presets
    ]


def further_trials(specification: ExperimentSpecification, preset: str) -> list[Trial]:
    """All arms on all fractions by the chosen network, but for those of `first_trials`.

    Seed by seed, so that what a budget cuts off is the last seeds, of all arms alike.
    """
    done = set(first_trials(specification))
    return [
        trial
        for seed in range(seeds_of(specification))
        for index, fraction in enumerate(specification.fractions)
        for arm, ratio in _arms_with_ratios(specification, fraction)
        if (trial := Trial(arm, ratio, index, preset, seed)) not in done
    ]


def largest_fraction(specification: ExperimentSpecification) -> int:
    """The place of the fraction with the largest share."""
    return max(range(len(specification.fractions)), key=lambda index: specification.fractions[index].share)


def seeds_of(specification: ExperimentSpecification) -> int:
    """Runs of each arm."""
    return specification.seeds or DEFAULT_SEEDS


def _arms_with_ratios(specification: ExperimentSpecification, fraction: Fraction) -> Iterator[tuple[Arm, float]]:
    for arm in _arms(specification, fraction):
        if arm is Arm.SYNTHETIC:
            yield from ((arm, ratio) for ratio in specification.ratios or DEFAULT_RATIOS)
        else:
            yield arm, 0.0


def _arms(specification: ExperimentSpecification, fraction: Fraction) -> Sequence[Arm]:
    """The arms asked for that the fraction has images for; the real one first."""
    asked = {Arm.of(arm) for arm in specification.arms} or set(Arm)
    return [arm for arm in Arm if arm is Arm.REAL or (arm in asked and has_images(arm.message, fraction))]
