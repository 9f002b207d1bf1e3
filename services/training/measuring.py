"""What a trained classifier is measured on: the validation images, and the test split, as imported and without copies.

The test split is opened here, once. Its images that have a copy in the training split, or another image of the same
patient, can be recognised instead of diagnosed, so the accuracy without them always stands beside the other one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import Evaluation, Robustness
from synthoscope.classifier.answering import Answers
from synthoscope.classifier.data import LabelledPixels
from synthoscope.classifier.objectives import AnyOf, Objective
from synthoscope.classifier.prediction import Classifier
from synthoscope.classifier.reliability.robustness import robustness
from synthoscope.datasets import attributes, manifest, splits
from synthoscope.datasets.audit.inheritance import find_clusters
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.findings import SEPARATOR
from synthoscope.datasets.grouping import group
from synthoscope.datasets.loading import load_split
from synthoscope.metrics.bootstrap import group_index
from synthoscope.metrics.evaluating import evaluate, evaluate_findings
from synthoscope.metrics.predictions import FindingPredictions, Predictions
from synthoscope.metrics.subgroups import subgroups
from synthoscope.models.evaluations import DEDUPLICATED, TEST, VALIDATION
from synthoscope.models.predictions import ImagePredictions
from synthoscope.objects import ObjectStore

Report = Callable[[str], None]


@dataclass(frozen=True)
class HeldOut:
    """Real images that a classifier did not learn from, with their places in the dataset and their groups, N each."""

    pixels: LabelledPixels
    images: Sequence[DatasetImage]
    groups: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> "HeldOut":
        """Some of them."""
        chosen = np.flatnonzero(rows)
        return HeldOut(self.pixels.take(chosen), [self.images[int(row)] for row in chosen], self.groups[chosen])


@dataclass(frozen=True)
class Measured:
    """A classifier's results, and what it said of each image."""

    evaluations: Sequence[Evaluation]
    predictions: Sequence[ImagePredictions] = ()
    robustness: Sequence[Robustness] = field(default_factory=list)


def measure(
    objects: ObjectStore,
    classifier: Classifier,
    objective: Objective,
    version: DatasetVersion,
    validation: HeldOut,
    cache: PixelCache,
    robustness_images: int,
    report: Report = lambda _: None,
) -> Measured:
    """The evaluations on "test", "test-deduplicated" and "validation", and robustness on the first of them there is, on
    at most `robustness_images` images.

    Those on test images are absent without a test split; "test-deduplicated" also when no audit tells of copies. It has
    no scores when every test image is left out.
    """
    found: list[Evaluation] = []
    said: list[ImagePredictions] = []
    test = _test_images(objects, version, classifier.image_size, cache)
    for split, images in ((TEST, test), (VALIDATION, validation)):
        if images is None:
            continue
        report(f"measuring on {split}")
        answers = classifier.answer(images.pixels.images)
        found.append(evaluated(objective, classifier, images, answers, split))
        said.append(_predictions(objective, classifier, images, answers, version, split))
        kept = _without_copies(objects, version, images.images) if split == TEST else None
        if kept is not None:
            part = answers.take(kept)
            deduplicated = Evaluation(split=DEDUPLICATED)
            if kept.any():
                deduplicated = evaluated(objective, classifier, images.take(kept), part, DEDUPLICATED)
            deduplicated.left_out = len(kept) - int(kept.sum())
            found.append(deduplicated)
    return Measured(found, said, _robustness(classifier, objective, test or validation, robustness_images, report))


def has_test_split(version: DatasetVersion) -> bool:
    """Whether a dataset version has test images."""
    return any(count.split == Split.SPLIT_TEST and count.count > 0 for count in version.counts)


def _test_images(objects: ObjectStore, version: DatasetVersion, image_size: int, cache: PixelCache) -> HeldOut | None:
    if not has_test_split(version):
        return None
    pixels = load_split(objects, version.name, Split.SPLIT_TEST, image_size, cache)
    images = [image for image in manifest.read(objects, version) if image.split == Split.SPLIT_TEST]
    groups = group(images, find_clusters(objects, version) or []).numbers
    return HeldOut(LabelledPixels(pixels.images, pixels.labels), images, groups)


def evaluated(
    objective: Objective, classifier: Classifier, images: HeldOut, answers: Answers, split: str
) -> Evaluation:
    """The results of a classifier's answers for images, on what is called `split`."""
    labels, columns = images.pixels.labels, attributes.columns(images.images)
    if isinstance(objective, AnyOf):
        findings = FindingPredictions(objective.shown(labels), answers.probabilities, images.groups)
        found = evaluate_findings(findings, classifier.classes, split)
        rows, gap = subgroups(findings, columns)
    else:
        predictions = Predictions(labels, answers.probabilities, images.groups, answers.predicted)
        found = evaluate(predictions, classifier.classes, split)
        rows, gap = subgroups(predictions, columns)
    found.subgroups.extend(rows)
    if gap is not None:
        found.worst_gap.CopyFrom(gap)
    if classifier.detector is not None:
        found.refused = float(answers.refused.mean())
    if answers.sets is not None:
        found.set_coverage = float(answers.sets[np.arange(len(labels)), labels].mean())
        found.mean_set_size = float(answers.sets.sum(axis=1).mean())
    return found


def _predictions(
    objective: Objective,
    classifier: Classifier,
    images: HeldOut,
    answers: Answers,
    version: DatasetVersion,
    split: str,
) -> ImagePredictions:
    names, labels, predicted = classifier.classes, images.pixels.labels, answers.predicted
    if isinstance(objective, AnyOf):
        present = np.concatenate([objective.shown(labels), answers.probabilities > 0.5])
        named = [SEPARATOR.join(np.array(classifier.classes)[row]) for row in present]
        combinations, places = np.unique(named, return_inverse=True)
        names, (labels, predicted) = tuple(combinations.tolist()), np.split(places, 2)
    return ImagePredictions(
        split=split,
        dataset_version=version.name,
        classes=names,
        images=tuple(image.image.sha256 for image in images.images),
        labels=tuple(labels.tolist()),
        predicted=tuple(predicted.tolist()),
        groups=tuple(group_index(images.groups).tolist()),
    )


def _robustness(
    classifier: Classifier, objective: Objective, images: HeldOut, most_images: int, report: Report
) -> list[Robustness]:
    """For classes only: accuracy of findings has no single meaning here."""
    if isinstance(objective, AnyOf):
        return []
    return robustness(
        classifier.answer,
        images.pixels.images,
        images.pixels.labels,
        most_images,
        report=lambda change: report(f"measuring robustness: {change}"),
    )


def _without_copies(
    objects: ObjectStore, version: DatasetVersion, images: Sequence[DatasetImage]
) -> NDArray[np.bool_] | None:
    """Which of the test images `derive --deduplicate` would keep; None when no audit tells."""
    clusters = find_clusters(objects, version)
    if clusters is None:
        return None
    kept = {image.path for image in splits.without_twins(manifest.read(objects, version), clusters, patients=True)}
    return np.array([image.path in kept for image in images], bool)
