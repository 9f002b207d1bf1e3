"""Which images are for training and which for testing: the rules that draw the splits of a version anew.

What belongs together stays together: images of one patient, and copies of one picture (the audit's clusters), form a
group, and a group is never on both sides. Groups are dealt out one by one, the largest first, each to the side where
it leaves the class shares closest to those asked for; a seed decides the order among groups of one size.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split, SplitRule
from synthoscope.datasets.manifest import changed
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

MOST_FOLDS = 20

Clusters = Iterable[Sequence[str]]
"""Paths of copies of one picture, cluster by cluster."""


def check_rule(rule: SplitRule, field: str = "split") -> None:
    """Raises InvalidInput, naming the field, for a rule that is incomplete or out of range."""
    kind = rule.WhichOneof("rule")
    if kind is None:
        raise InvalidInput(field, "must hold deduplication, hold_out or fold")
    if rule.seed < 0:
        raise InvalidInput(f"{field}.seed", "must be at least 0")
    if kind == "hold_out" and not 0 < rule.hold_out.test_fraction < 1:
        raise InvalidInput(f"{field}.hold_out.test_fraction", "must be in (0, 1)")
    if kind == "fold" and not 2 <= rule.fold.count <= MOST_FOLDS:
        raise InvalidInput(f"{field}.fold.count", f"must be in [2, {MOST_FOLDS}]")
    if kind == "fold" and not 0 <= rule.fold.index < rule.fold.count:
        raise InvalidInput(f"{field}.fold.index", f"must be in [0, {rule.fold.count - 1}]")


def needs_clusters(rule: SplitRule) -> bool:
    """Whether a rule has to know which images are copies of one picture."""
    return rule.HasField("deduplication") or not rule.ungrouped


def split(rule: SplitRule, images: Sequence[DatasetImage], clusters: Clusters) -> list[DatasetImage]:
    """The images with their new splits, less those that the rule leaves out.

    `rule` has passed `check_rule`. Deduplication keeps the splits and leaves out test images with a copy in the
    training split, and, unless ungrouped, those of a patient who has training images. The others deal out all images.
    Raises FailedPrecondition when no test image is left, or when images of generators are among those to be dealt out.
    """
    if rule.HasField("deduplication"):
        chosen = without_twins(images, clusters, patients=not rule.ungrouped)
    else:
        chosen = _dealt(rule, images, clusters)
    if not any(image.split == Split.SPLIT_TEST for image in chosen):
        raise FailedPrecondition("no image would be left in the test split: there are too few groups of images")
    return chosen


def without_twins(images: Sequence[DatasetImage], clusters: Clusters, *, patients: bool) -> list[DatasetImage]:
    """The images less those of the test split that have a copy, or with `patients` another image of the same patient,
    in the training split.
    """
    left_out = {
        index
        for members in groups(images, clusters, patients=patients)
        if any(images[index].split == Split.SPLIT_TRAIN for index in members)
        for index in members
        if images[index].split == Split.SPLIT_TEST
    }
    return [image for index, image in enumerate(images) if index not in left_out]


def groups(images: Sequence[DatasetImage], clusters: Clusters, *, patients: bool = True) -> list[list[int]]:
    """Indices of images that belong together, by cluster or patient, directly or by way of others; single ones too."""
    index_of = {image.path: index for index, image in enumerate(images)}
    connected = [[index_of[path] for path in paths if path in index_of] for paths in clusters]
    of_patient: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        if patients and image.patient:
            of_patient.setdefault(image.patient, []).append(index)
    leader = list(range(len(images)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = index = leader[leader[index]]
        return index

    for together in (*connected, *of_patient.values()):
        for index in together[1:]:
            leader[find(index)] = find(together[0])
    members: dict[int, list[int]] = {}
    for index in range(len(images)):
        members.setdefault(find(index), []).append(index)
    return list(members.values())


def deal(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Deals groups out to sides; returns the side of each group.

    `counts` has the images of each group by class (groups × classes); groups come in order, and larger ones should
    come first. `shares` of the sides sum to 1. Each group goes where it adds least to the sum, over sides and classes,
    of (images - wanted)² / wanted, in shares of the class; among equals to the side that lacks most images.
    """
    totals = np.maximum(counts.sum(axis=0), 1)
    wanted = np.outer(shares, totals)
    weight = 1.0 / (shares[:, None] * totals**2)
    placed = np.zeros_like(wanted)
    sides = np.empty(len(counts), np.int64)
    for index, added in enumerate(counts):
        cost = (added * (placed - wanted + added / 2) * weight).sum(axis=1)
        lacking = placed.sum(axis=1) / shares
        sides[index] = np.lexsort((lacking, cost.round(12)))[0]
        placed[sides[index]] += added
    return sides


def _dealt(rule: SplitRule, images: Sequence[DatasetImage], clusters: Clusters) -> list[DatasetImage]:
    if any("/syntheticSets/" in image.origin for image in images):
        raise FailedPrecondition(
            "the version has synthetic images: their generator may have learnt from images that would now become test "
            "images; draw the splits first, train a generator on the new training split, then merge"
        )
    together = [[index] for index in range(len(images))] if rule.ungrouped else groups(images, clusters)
    together.sort(key=lambda members: _order(rule.seed, images, members))
    sides = deal(_counts(images, together), _shares(rule))
    test_side = rule.fold.index if rule.HasField("fold") else 1
    dealt = zip(together, sides, strict=True)
    test = {index for members, side in dealt if side == test_side for index in members}
    return [
        changed(image, split=Split.SPLIT_TEST if index in test else Split.SPLIT_TRAIN)
        for index, image in enumerate(images)
    ]


def _shares(rule: SplitRule) -> NDArray[np.float64]:
    if rule.HasField("fold"):
        return np.full(rule.fold.count, 1 / rule.fold.count)
    return np.array([1 - rule.hold_out.test_fraction, rule.hold_out.test_fraction])


def _order(seed: int, images: Sequence[DatasetImage], members: Sequence[int]) -> tuple[int, bytes]:
    """Large groups first; those of one size by a digest, which is the same on every machine and for ever."""
    return -len(members), hashlib.sha256(f"{seed}/{images[members[0]].path}".encode()).digest()


def _counts(images: Sequence[DatasetImage], together: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    column = {label: number for number, label in enumerate(sorted({image.label for image in images}))}
    counts = np.zeros((len(together), len(column)), np.int64)
    for row, members in enumerate(together):
        for index in members:
            counts[row, column[images[index].label]] += 1
    return counts
