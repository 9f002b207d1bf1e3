"""What a classifier learns from, and what is held out of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthoscope.classifier.config import ClassifierConfig, Output
from synthoscope.datasets.findings import findings_by_label
from synthoscope.datasets.splits import deal
from synthoscope.images.preprocessing import Pipeline
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.training.randomness import numpy_generator


@dataclass(frozen=True)
class LabelledPixels:
    """Images uint8 N×S×S×3 and their class indices int64 N."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self, classes: int) -> NDArray[np.int64]:
        """How many there are of each class, int64 C."""
        return np.bincount(self.labels, minlength=classes)

    def take(self, indices: NDArray[np.int64]) -> "LabelledPixels":
        """Some of them."""
        return LabelledPixels(self.images[indices], self.labels[indices])

    def join(self, other: "LabelledPixels | None") -> "LabelledPixels":
        """These and those."""
        if other is None or not len(other):
            return self
        return LabelledPixels(np.concatenate([self.images, other.images]), np.concatenate([self.labels, other.labels]))


@dataclass(frozen=True)
class TrainingData:
    """Training and validation images, and what preprocessed them; validation never holds a synthetic one.

    `held_out` are the rows of the validation images among the real ones, int64.
    """

    training: LabelledPixels
    validation: LabelledPixels
    pipeline: Pipeline = field(default_factory=Pipeline)
    held_out: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def findings_shown(
    config: ClassifierConfig, classes: Sequence[str], labels: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Which findings each image shows, and last whether it shows none, N×(F + 1); None when classes are wanted.

    Raises FailedPrecondition when the classes name no findings where those are wanted.
    """
    if config.output is not Output.FINDINGS:
        return None
    shown = findings_by_label(classes, config.no_finding)[1][labels]
    return np.column_stack([shown, ~shown.any(axis=1)])


def hold_out(
    real: LabelledPixels,
    synthetic: LabelledPixels | None,
    groups: NDArray[np.int64],
    fraction: float,
    seed: int,
    findings: NDArray[np.bool_] | None = None,
) -> TrainingData:
    """Holds a share of each class of the real images out for validation; all else, synthetic ones too, is for training.

    With `findings` of the real images (`findings_shown`), those take the place of classes: an image may show several.

    `groups` has a number for each real image, int64 N: images of one number are never on both sides, and those of a
    negative one are for training. Groups are dealt out as the splits of datasets are (`datasets.splits.deal`), so the
    shares are as close to `fraction` as the groups allow. Each class that has several groups has at least one image on
    either side, where that takes no other class's last one; a class of a single group is for training only.

    Raises FailedPrecondition when a class has a single real image, or no group can be held out.
    """
    shown = real.labels[:, None] == np.unique(real.labels) if findings is None else findings[:, findings.any(axis=0)]
    if shown.sum(axis=0).min() < 2:
        raise FailedPrecondition("every class needs at least 2 training images, so that one can be held out")
    free = np.flatnonzero(groups >= 0)
    numbers, group_of = np.unique(groups[free], return_inverse=True)
    counts = np.zeros((len(numbers), shown.shape[1]), np.int64)
    np.add.at(counts, group_of, shown[free])
    held = _held_out_groups(counts, fraction, numpy_generator(seed, "validation"))
    if not held.any():
        raise FailedPrecondition(
            "no image can be held out for validation: all training images of each class are copies of one picture, "
            "or of one patient"
        )
    validation = free[held[group_of]]
    rest = np.setdiff1d(np.arange(len(real)), validation)
    return TrainingData(real.take(rest).join(synthetic), real.take(validation), held_out=validation)


def _held_out_groups(counts: NDArray[np.int64], fraction: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which groups are held out; `counts` has their images by class (groups × classes)."""
    shuffled = generator.permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    held = np.zeros(len(counts), bool)
    held[order] = deal(counts[order], np.array([1 - fraction, fraction])) == 1
    smallest_first = order[::-1]
    for column in counts.T:
        if column.any() and not column[~held].any():
            held[next(group for group in smallest_first if column[group])] = False
    for column in counts.T:
        left = counts[~held].sum(axis=0)
        spare = (group for group in smallest_first if column[group] and (left > counts[group])[counts[group] > 0].all())
        if not column[held].any() and (group := next(spare, None)) is not None:
            held[group] = True
    return held
