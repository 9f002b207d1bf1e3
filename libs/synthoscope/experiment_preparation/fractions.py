"""Fractions of a dataset version's training images, each as versions of its own: learned from, chosen by, left over."""

from dataclasses import dataclass

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Derivation, HoldOut, Split, SplitRule, Subset
from synthoscope.client import Client
from synthoscope.datasets.counts import training_counts
from synthoscope.rpc.errors import FailedPrecondition

VALIDATION_SHARE = 0.2
"""Of a fraction's images, those that choose the best epoch."""


@dataclass(frozen=True)
class FractionVersions:
    """A share of the training images: `version` has those to learn from as its training split, those to choose by as
    its test split; `further` the images that are not in it, all for training, and is None where there are none.
    """

    share: float
    version: DatasetVersion
    further: DatasetVersion | None = None

    @property
    def text(self) -> str:
        """What it consists of, for people."""
        learned = sum(training_counts(self.version).values())
        rest = f", {self.further.image_count} further ones" if self.further else ""
        return (
            f"{percent(self.share)} of the real images: {learned} to learn from, "
            f"{self.version.image_count - learned} to choose by{rest}"
        )


def training_part(client: Client, version: DatasetVersion) -> DatasetVersion:
    """The training split alone.

    Raises FailedPrecondition when the version has no test split to keep for the end, or no two classes to tell apart.
    """
    if len(version.classes) < 2:
        raise FailedPrecondition(f"{version.name} has fewer than two classes to tell apart")
    if not any(count.split == Split.SPLIT_TEST and count.count for count in version.counts):
        raise FailedPrecondition(
            f"{version.name} has no test split, and an experiment is judged by one; draw one first (synthoscope "
            "dataset derive --hold-out 0.2)"
        )
    return _derived(client, version, subset=Subset(splits=[Split.SPLIT_TRAIN]))


def draw(client: Client, training: DatasetVersion, share: float, seed: int, *, further: bool) -> FractionVersions:
    """Draws a share, in (0, 1], of a version that has training images alone, and the `further` ones if asked to.

    Copies of a picture, and images of a patient, stay together. The same again gives the same versions. Raises
    FailedPrecondition when the share is too small, or what it leaves over is, for some class to be in every part.
    """
    try:
        versions = _drawn(client, training, share, seed, further=further)
    except FailedPrecondition as error:
        raise FailedPrecondition(f"{percent(share)} of the real images: {error.message}") from error
    _check(training, versions)
    return versions


def percent(share: float) -> str:
    """A share as people write it: 0.05 is "5 %"."""
    return f"{100 * share:g} %"


def _drawn(client: Client, training: DatasetVersion, share: float, seed: int, *, further: bool) -> FractionVersions:
    part, rest = training, None
    if share < 1:
        drawn = _held_out(client, training, round(1 - share, 12), seed)
        part = _derived(client, drawn, subset=Subset(splits=[Split.SPLIT_TRAIN]))
        if further:
            rest = _derived(client, drawn, subset=Subset(splits=[Split.SPLIT_TEST], as_training=True))
    return FractionVersions(share, _held_out(client, part, VALIDATION_SHARE, seed), rest)


def _check(training: DatasetVersion, versions: FractionVersions) -> None:
    """Raises FailedPrecondition when a class is missing in some part."""
    real = f"{percent(versions.share)} of the real images"
    for split, purpose in ((Split.SPLIT_TRAIN, "to learn from"), (Split.SPLIT_TEST, "to choose by")):
        there = {count.label for count in versions.version.counts if count.split == split and count.count}
        _check_classes(training, there, f"{real} {purpose}", "ask for a larger fraction")
    if versions.further is not None:
        remedy = "ask for a smaller fraction, or name the arms without oracle"
        _check_classes(training, set(versions.further.classes), f"what is left beside {real}", remedy)


def _check_classes(training: DatasetVersion, there: set[str], where: str, remedy: str) -> None:
    if absent := sorted(set(training.classes) - there):
        raise FailedPrecondition(f"there is no image of {', '.join(absent)} in {where}; {remedy}")


def _held_out(client: Client, version: DatasetVersion, share: float, seed: int) -> DatasetVersion:
    return _derived(client, version, split=SplitRule(hold_out=HoldOut(test_fraction=share), seed=seed))


def _derived(client: Client, version: DatasetVersion, **rule: Subset | SplitRule) -> DatasetVersion:
    return client.datasets.derive(version.name, Derivation(**rule))  # type: ignore[arg-type]  # the field of each rule
