"""The tables of the page, as rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, stdev

import numpy as np

from synthoscope.api.experiments.v1.experiments_pb2 import Experiment, ExperimentTrial
from synthoscope.api.models.v1.models_pb2 import ClassMetrics, ConfusionRow, Evaluation
from synthoscope.experiment.arms import Arm
from synthoscope.experiment.plan import TABLE_RATIO
from synthoscope.experiment_page import runs
from synthoscope.experiment_page.runs import Cell, Runs


@dataclass(frozen=True)
class Mean:
    """A score's mean over runs, in [0, 1], and its standard deviation, None of a single run."""

    mean: float
    deviation: float | None
    runs: int

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" ± {100 * self.deviation:.1f}"
        return f"{100 * self.mean:.1f}{spread}"


@dataclass(frozen=True)
class Network:
    """A network on the largest fraction: scores by name, without and with synthetic images."""

    preset: str
    before: Mapping[str, Mean]
    after: Mapping[str, Mean]


@dataclass(frozen=True)
class Course:
    """An arm's training images, and mean macro F1 on validation after a third, two thirds and all epochs."""

    cell: Cell
    real: int
    synthetic: int
    scores: Sequence[Mean]


@dataclass(frozen=True)
class Exchange:
    """Accuracies across kinds of images on one fraction; None where there is no such run."""

    share: float
    synthetic_to_real: Mean | None
    real_to_synthetic: Mean | None
    real_to_real: Mean | None


NETWORK_SCORES: Mapping[str, Callable[[Evaluation], float]] = {
    "precision": lambda test: test.macro_precision,
    "recall": lambda test: test.macro_recall,
    "F1": lambda test: test.macro_f1,
    "accuracy": lambda test: test.accuracy,
}
"""Means over classes, but for accuracy."""

ARM_SCORES: Mapping[str, Callable[[Evaluation], float | None]] = {
    "balanced accuracy": lambda test: test.balanced_accuracy,
    "macro F1": lambda test: test.macro_f1,
    "accuracy": lambda test: test.accuracy,
    "AUROC": lambda test: test.auroc if test.HasField("auroc") else None,
}


def mean_of(values: Sequence[float]) -> Mean | None:
    """Over runs; None of none."""
    return Mean(fmean(values), stdev(values) if len(values) > 1 else None, len(values)) if values else None


def networks(experiment: Experiment) -> Sequence[Network]:
    """All networks before and after as many synthetic images as real ones were added."""
    return [
        Network(
            preset,
            _scores(runs.of_network(experiment, preset, Arm.REAL)),
            _scores(runs.of_network(experiment, preset, Arm.SYNTHETIC, TABLE_RATIO)),
        )
        for preset in experiment.specification.presets
    ]


def arms(experiment: Experiment) -> Mapping[Cell, Mapping[str, Mean | None]]:
    """Each tested arm's scores on the test split, by name."""
    return {
        cell: {
            name: mean_of([value for trial in tested if (value := score(trial.test)) is not None])
            for name, score in ARM_SCORES.items()
        }
        for cell, found in runs.by_cell(experiment).items()
        if (tested := [trial for trial in found if runs.is_tested(trial)])
    }


def courses(experiment: Experiment) -> Sequence[Course]:
    """How far each arm was at a third, two thirds and the end of its epochs."""
    epochs = experiment.specification.training.epochs
    return [
        Course(
            cell, found[0].real_images, found[0].synthetic_images, [_after(found, epoch) for epoch in thirds(epochs)]
        )
        for cell, found in runs.by_cell(experiment).items()
    ]


def thirds(epochs: int) -> Sequence[int]:
    """The epochs that end the thirds of a training, from 1; fewer than three where there are fewer epochs."""
    return sorted({ceil(epochs / 3), ceil(2 * epochs / 3), epochs})


def exchanges(experiment: Experiment) -> Sequence[Exchange]:
    """What training on synthetic images is worth on real ones, and the other way round, by fraction."""
    found = runs.by_cell(experiment)

    def mean(share: float, arm: Arm, score: Callable[[ExperimentTrial], float | None]) -> Mean | None:
        values = [score(trial) for trial in found.get(Cell(share, str(arm)), ())]
        return mean_of([value for value in values if value is not None])

    rows = [
        Exchange(
            share,
            mean(share, Arm.SYNTHETIC_ONLY, _on_test),
            mean(share, Arm.REAL, _on_synthetic),
            mean(share, Arm.REAL, _on_test),
        )
        for share in sorted(fraction.share for fraction in experiment.specification.fractions)
    ]
    return [row for row in rows if row.synthetic_to_real or row.real_to_synthetic]


def confusions(experiment: Experiment) -> Mapping[str, Evaluation]:
    """Confusion matrices on the largest fraction, summed over runs, by arm."""
    share = runs.largest_share(experiment)
    return {
        cell.arm: _summed(tested)
        for cell, found in runs.by_cell(experiment).items()
        if cell.share == share and (tested := [trial.test for trial in found if runs.is_tested(trial)])
    }


def _scores(found: Runs) -> Mapping[str, Mean]:
    scores = {name: mean_of([score(trial.test) for trial in found]) for name, score in NETWORK_SCORES.items()}
    return {name: mean for name, mean in scores.items() if mean is not None}


def _after(found: Runs, epoch: int) -> Mean:
    mean = mean_of([trial.validation_macro_f1[epoch - 1] for trial in found])
    assert mean is not None  # noqa: S101 (a cell has runs)
    return mean


def _on_test(trial: ExperimentTrial) -> float | None:
    return trial.test.accuracy if runs.is_tested(trial) else None


def _on_synthetic(trial: ExperimentTrial) -> float | None:
    return trial.accuracy_on_synthetic if trial.HasField("accuracy_on_synthetic") else None


def _summed(tested: Sequence[Evaluation]) -> Evaluation:
    cells = np.sum([[list(row.counts) for row in test.confusion] for test in tested], axis=0)
    return Evaluation(
        classes=[ClassMetrics(label=item.label) for item in tested[0].classes],
        confusion=[ConfusionRow(counts=row) for row in cells.tolist()],
    )
