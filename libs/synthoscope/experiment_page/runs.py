"""The runs of an experiment by fraction and arm, and which of them are missing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentTrial
from synthoscope.experiment import plan
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import Trial
from synthoscope.experiment.summary import name_of

Runs = Sequence[ExperimentTrial]


@dataclass(frozen=True)
class Cell:
    """A fraction's arm; `arm` is it in words ("real + synthetic ×1")."""

    share: float
    arm: str


def by_cell(experiment: Experiment) -> Mapping[Cell, Runs]:
    """The chosen network's runs that ended well: fractions from the smallest, arms in the contract's order."""
    found: dict[Cell, list[ExperimentTrial]] = defaultdict(list)
    for trial in sorted(_ended(experiment), key=lambda trial: (trial.share, trial.arm, trial.ratio, trial.seed)):
        if trial.preset == experiment.chosen_preset:
            found[Cell(trial.share, arm_of(experiment, trial))].append(trial)
    return found


def of_network(experiment: Experiment, preset: str, arm: Arm, ratio: float = 0.0) -> Runs:
    """A network's tested runs of an arm on the largest fraction."""
    share = largest_share(experiment)
    wanted = (preset, arm.message, ratio, share)
    return [
        trial
        for trial in _ended(experiment)
        if (trial.preset, trial.arm, trial.ratio, trial.share) == wanted and is_tested(trial)
    ]


def is_tested(trial: ExperimentTrial) -> bool:
    """Whether the test split was opened for it."""
    return bool(trial.test.classes)


def largest_share(experiment: Experiment) -> float:
    """Of the fractions."""
    specification = experiment.specification
    return specification.fractions[plan.largest_fraction(specification)].share


def missing(experiment: Experiment) -> int:
    """How many planned runs were not begun, or not yet; the further ones count once the network was chosen."""
    specification = experiment.specification
    planned = plan.first_trials(specification)
    if experiment.chosen_preset:
        planned += plan.further_trials(specification, experiment.chosen_preset)
    return len({trial.id for trial in planned} - {trial.id for trial in experiment.trials})


def arm_of(experiment: Experiment, trial: ExperimentTrial) -> str:
    """A run's arm in words."""
    shares = [fraction.share for fraction in experiment.specification.fractions]
    return name_of(Trial(Arm.of(trial.arm), trial.ratio, shares.index(trial.share), trial.preset, trial.seed))


def _ended(experiment: Experiment) -> Runs:
    return [trial for trial in experiment.trials if not trial.error]
