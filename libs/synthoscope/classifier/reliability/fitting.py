"""Fits what makes a classifier's answers reliable, on real images that it did not learn from.

These are the validation images, by which the best epoch was chosen too: a slight bias that small sets cannot do without
another split for. The test split tells how well it holds.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.models.v1.models_pb2 import ConformalPrediction, OperatingPoint, OutOfDistribution
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.objectives import AnyOf, Objective
from synthoscope.classifier.outputs import Outputs
from synthoscope.classifier.prediction import Classifier
from synthoscope.classifier.reliability import conformal, out_of_distribution
from synthoscope.classifier.reliability.histograms import histograms, input_statistics
from synthoscope.classifier.reliability.operating_point import fit_operating_point
from synthoscope.classifier.reliability.out_of_distribution import BANK, NEIGHBOURS, Detector, views_of
from synthoscope.classifier.reliability.temperature import (
    fit_findings_temperature,
    fit_temperature,
    log_probabilities,
)
from synthoscope.images.strangers import KINDS, strangers
from synthoscope.metrics.bootstrap import group_index

FOLDS = 10
"""Parts of the held-out images whose refusals are counted with limits from the others."""

STRANGERS = 20
"""Made-up images of each kind that refusals are counted on."""


def fit_reliability(
    classifier: Classifier,
    objective: Objective,
    data: TrainingData,
    groups: NDArray[np.int64],
    config: ClassifierConfig,
) -> Classifier:
    """The classifier with its detector, its record's `reliability` filled in all but the explanations' scales.

    `data` holds real images only; `groups` are the validation images' groups, int64 N. Raises FailedPrecondition when
    they are too few for the configuration's operating point.
    """
    held_out, seed = data.validation, config.seed
    outputs = classifier.outputs(held_out.images)
    reliability = classifier.record.reliability
    if isinstance(objective, AnyOf):
        reliability.temperature = fit_findings_temperature(outputs.logits, objective.shown(held_out.labels))
    else:
        reliability.temperature = fit_temperature(outputs.logits, held_out.labels)
        reliability.conformal.CopyFrom(_sets(outputs, held_out, groups, reliability.temperature, seed))
        if config.operating_label:
            reliability.operating_point.CopyFrom(_operating_point(classifier, outputs, held_out, config))
    classifier = replace(classifier, detector=_detector(classifier, data, outputs, seed))
    answers = classifier.answers_of(held_out.images, outputs)
    reliability.out_of_distribution.CopyFrom(_refusals(classifier, data, outputs, groups, seed))
    scores = {"confidence": answers.probabilities.max(axis=1), "out_of_distribution": answers.strangeness}
    reliability.histograms.extend(histograms(input_statistics(held_out.images) | scores))
    return classifier


def _sets(
    outputs: Outputs, held_out: LabelledPixels, groups: NDArray[np.int64], temperature: float, seed: int
) -> ConformalPrediction:
    logarithms = log_probabilities(outputs.logits, temperature)
    measured = conformal.measure(logarithms, held_out.labels, groups, seed=seed)
    return ConformalPrediction(
        coverage=conformal.COVERAGE,
        threshold=conformal.fit_threshold(-logarithms[np.arange(len(held_out)), held_out.labels]),
        images=len(held_out),
        measured_coverage=measured.measured_coverage,
        mean_set_size=measured.mean_set_size,
        empty_sets=measured.empty_sets,
    )


def _operating_point(
    classifier: Classifier, outputs: Outputs, held_out: LabelledPixels, config: ClassifierConfig
) -> OperatingPoint:
    chosen = classifier.class_index(config.operating_label, "config.operating_label")
    probabilities = classifier.calibrated(outputs.logits)[held_out.labels == chosen, chosen]
    return fit_operating_point(probabilities, config.operating_label, config.operating_sensitivity)


def _detector(classifier: Classifier, data: TrainingData, outputs: Outputs, seed: int) -> Detector:
    training = _drawn(data.training, seed)
    return out_of_distribution.fit(
        views_of(training, classifier.outputs(training).features), views_of(data.validation.images, outputs.features)
    )


def _refusals(
    classifier: Classifier, data: TrainingData, outputs: Outputs, groups: NDArray[np.int64], seed: int
) -> OutOfDistribution:
    """What is refused of real images, a part of which each time by limits from the others, and of made-up ones."""
    detector = classifier.detector
    assert detector is not None  # noqa: S101  # it was just fitted
    distances = detector.distances(views_of(data.validation.images, outputs.features))
    refused = np.zeros(len(distances), bool)
    for rows in _folds(groups, seed):
        others = rows if rows.all() else ~rows
        refused[rows] = (distances[rows] > out_of_distribution.limits_of(distances[others])).any(axis=1)
    made_up = {kind: strangers(kind, STRANGERS, classifier.image_size, seed) for kind in KINDS}
    return OutOfDistribution(
        method="knn",
        neighbours=NEIGHBOURS,
        threshold=out_of_distribution.THRESHOLD,
        false_refusals=_mean_over_groups(refused, groups),
        refused={kind: float(classifier.answer(images).refused.mean()) for kind, images in made_up.items()},
    )


def _mean_over_groups(refused: NDArray[np.bool_], groups: NDArray[np.int64]) -> float:
    """The share refused, in which a picture with many copies counts as much as one without."""
    members = group_index(groups)
    return float((np.bincount(members, weights=refused) / np.bincount(members)).mean())


def _folds(groups: NDArray[np.int64], seed: int) -> Iterator[NDArray[np.bool_]]:
    """Which images are in each of FOLDS parts, by group; a part is all of them when there is a single group."""
    members = group_index(groups)
    count = int(members.max()) + 1
    for part in np.array_split(np.random.default_rng(seed).permutation(count), min(FOLDS, count)):
        yield np.isin(members, part)


def _drawn(training: LabelledPixels, seed: int) -> NDArray[np.uint8]:
    rows = np.sort(np.random.default_rng(seed).permutation(len(training))[:BANK])
    return training.images[rows]
