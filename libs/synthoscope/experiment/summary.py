"""What all runs of an experiment together showed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthoscope.api.experiments.v1.experiments_pb2 import ArmComparison, ExperimentSpecification
from synthoscope.api.models.v1.models_pb2 import Interval
from synthoscope.experiment.answer import answer
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.comparing import Comparison, compare
from synthoscope.experiment.contributions import SCORES, Values
from synthoscope.experiment.plan import Trial
from synthoscope.experiment.verdict import Judged, judge_family
from synthoscope.metrics.bootstrap import group_index
from synthoscope.metrics.predictions import Predictions
from synthoscope.rpc.errors import FailedPrecondition

SCORE = "balanced_accuracy"
"""What arms are compared by: classes count alike, however many images of them the test split has."""

CONTROLS = (Arm.REAL, Arm.AUGMENTED, Arm.DUPLICATED)
SYNTHETIC = (Arm.SYNTHETIC, Arm.FILTERED, Arm.BALANCED, Arm.SYNTHETIC_ONLY)


@dataclass(frozen=True)
class Summary:
    """Comparisons, and what they come to in sentences."""

    comparisons: Sequence[ArmComparison]
    verdict: Sequence[str]


def summarise(
    specification: ExperimentSpecification,
    preset: str,
    tested: Mapping[Trial, Predictions],
    synthetic_images: Mapping[Trial, int],
) -> Summary:
    """Compares the arms of the chosen network at each fraction; `tested` has the runs' predictions on the test split.

    `synthetic_images` says of each of these runs how many it learned from; a synthetic arm without any is left out, and
    the verdict says so. Arms are paired by seed; a seed counts where both have it. All comparisons of synthetic arms at
    a fraction are one family. The oracle is a family of its own: it asks whether this experiment can see a gain at all,
    which gets no harder to see by asking after other arms.
    Raises FailedPrecondition when all test images are of one group: nothing tells what chance does.
    """
    for said in tested.values():
        if group_index(said.groups).max() == 0:
            raise FailedPrecondition(
                "all test images are copies of one picture, or of one patient: no arm can be judged"
            )
    comparisons: list[ArmComparison] = []
    verdict: list[str] = []
    for index, fraction in enumerate(specification.fractions):
        of_fraction = [trial for trial in tested if (trial.fraction, trial.preset) == (index, preset)]
        empty = {trial for trial in of_fraction if trial.arm in SYNTHETIC and not synthetic_images[trial]}
        compared = _compared({trial: tested[trial] for trial in of_fraction if trial not in empty})
        family = [*_judged(compared, synthetic=True), *_judged(compared, synthetic=False)]
        comparisons += [_message(judged, fraction.share, preset) for judged in family]
        sentences = [*_answers(family), *_left_out(empty)]
        verdict += [f"With {100 * fraction.share:g} % of the real images: {text}" for text in sentences]
    return Summary(comparisons, verdict)


def _judged(compared: Mapping[tuple[str, str], Comparison], *, synthetic: bool) -> list[Judged]:
    """The family of synthetic arms' comparisons, or that of the others."""
    return judge_family({pair: found for pair, found in compared.items() if _is_synthetic(pair[0]) is synthetic})


def name_of(trial: Trial) -> str:
    """An arm in words, "real + synthetic ×0.5"."""
    return f"{trial.arm} ×{trial.ratio:g}" if trial.arm is Arm.SYNTHETIC else str(trial.arm)


def _compared(runs: Mapping[Trial, Predictions]) -> dict[tuple[str, str], Comparison]:
    """Synthetic arms against each control, and more real images against the real ones: what is asked, and no more.

    Of runs with at least two of the same seeds. Every further comparison would cost the others power.
    """
    by_arm: dict[str, dict[int, Values]] = defaultdict(dict)
    for trial, said in runs.items():
        by_arm[name_of(trial)][trial.seed] = SCORES[SCORE](said)
    groups = next(iter(runs.values())).groups if runs else np.zeros(0, np.int64)
    found = {}
    for arm, values in by_arm.items():
        for control in _controls(arm):
            seeds = sorted(values.keys() & by_arm.get(str(control), {}).keys())
            if len(seeds) >= 2:
                pair = (np.stack([values[seed] for seed in seeds]), _stacked(by_arm[str(control)], seeds))
                found[arm, str(control)] = compare(*pair, groups)
    return found


def _controls(arm: str) -> Sequence[Arm]:
    """What an arm is compared with."""
    if _is_synthetic(arm):
        return CONTROLS
    return (Arm.REAL,) if arm == Arm.ORACLE else ()


def _is_synthetic(arm: str) -> bool:
    return arm.partition(" ×")[0] in SYNTHETIC


def _stacked(values: Mapping[int, Values], seeds: Sequence[int]) -> Values:
    return np.stack([values[seed] for seed in seeds])


def _answers(family: Sequence[Judged]) -> list[str]:
    """The answer, where there are synthetic arms and controls; then each synthetic arm against the real images."""
    arms = sorted({item.arm for item in family if _is_synthetic(item.arm)})
    controls = [str(control) for control in CONTROLS if all((arm, control) in _pairs(family) for arm in arms)]
    oracle = next((item for item in family if (item.arm, item.reference) == (Arm.ORACLE, Arm.REAL)), None)
    sentences = [item.sentence for item in family if item.reference == Arm.REAL]
    if not arms or not controls:
        return sentences
    return [f"{answer(family, arms, controls, oracle).text}{_unmet(controls)}", *sentences]


def _left_out(empty: Collection[Trial]) -> list[str]:
    """Sentences on synthetic arms that added no synthetic image: their runs are those of the real images."""
    arms = {name_of(trial): trial.arm for trial in sorted(empty, key=lambda trial: (trial.ratio, trial.arm))}
    return [f"{name} adds nothing, and was left out: {_why_empty(arm)}." for name, arm in arms.items()]


def _why_empty(arm: Arm) -> str:
    return (
        "the classes are of one size" if arm is Arm.BALANCED else "of each class, it would be less than half an image"
    )


def _unmet(controls: Sequence[str]) -> str:
    """Which controls an answer says nothing of: they were not asked for, or their runs failed or were cut off."""
    unmet = [str(control) for control in CONTROLS if control not in controls]
    return f" There was no comparison with {' or '.join(unmet)}." if unmet else ""


def _pairs(family: Sequence[Judged]) -> set[tuple[str, str]]:
    return {(item.arm, item.reference) for item in family}


def _message(judged: Judged, share: float, preset: str) -> ArmComparison:
    found = judged.comparison
    message = ArmComparison(
        share=share,
        preset=preset,
        arm=judged.arm,
        reference=judged.reference,
        score=SCORE,
        difference=found.difference,
        interval=Interval(low=found.low, high=found.high),
        p_value=found.p_value,
        adjusted_p_value=judged.adjusted_p,
        finding=str(judged.finding),
        sentence=judged.sentence,
    )
    if np.isfinite(found.effect_size):
        message.effect_size = found.effect_size
        message.effect_size_interval.CopyFrom(Interval(low=found.effect_low, high=found.effect_high))
    return message
