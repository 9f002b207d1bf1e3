"""From groups of identical pixels, and links between groups, to the pairs, clusters and counts of a report.

Identical pictures are handled as a group throughout: n copies are n (n - 1) / 2 pairs, which are counted by formula and
written out only as far as they are listed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synthoscope.api.datasets.v1.audits_pb2 import (
    DatasetAudit,
    DuplicateCluster,
    DuplicatePair,
    LabelConflict,
    PairCount,
    SplitAudit,
    TwinCount,
)
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.datasets.audit.copies import Link
from synthoscope.datasets.audit.symmetries import inverse
from synthoscope.datasets.manifest import SPLIT_NAMES

MOST_PAIRS = 100_000
"""How many pairs a report lists."""

_Kinds = Mapping[tuple[int, str], Sequence[int]]
"""Indices of images by split and class."""


@dataclass(frozen=True)
class Twins:
    """Images, the groups of those with identical pixels (indices; every readable image is in one), and their links."""

    images: Sequence[DatasetImage]
    groups: Sequence[Sequence[int]]
    links: Sequence[Link]

    def report(self) -> DatasetAudit:
        """The parts of a report that tell of copies."""
        clusters = self.clusters()
        return DatasetAudit(
            pair_counts=self._pair_counts(),
            pairs=islice(self._pairs(), MOST_PAIRS),
            clusters=[self._cluster(members) for members in clusters],
            label_conflicts=[
                LabelConflict(paths=[image.path for image in members], labels=[image.label for image in members])
                for members in map(self._sorted, clusters)
                if len({image.label for image in members}) > 1
            ],
            splits=SplitAudit(
                test_with_twin_in_train=self._leaks(clusters),
                test_with_exact_twin_in_train=self._leaks(self.groups),
            ),
        )

    def clusters(self) -> list[list[int]]:
        """Indices of images that links or identical pixels connect, largest first; no single images."""
        ends = np.array([(link.a, link.b) for link in self.links], int).reshape(-1, 2).T
        edges = coo_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(len(self.groups),) * 2)
        component_of = connected_components(edges, directed=False)[1] if self.groups else ()
        members: defaultdict[int, list[int]] = defaultdict(list)
        for group, component in zip(self.groups, component_of, strict=True):
            members[int(component)] += group
        return sorted((cluster for cluster in members.values() if len(cluster) > 1), key=lambda c: (-len(c), min(c)))

    def _sorted(self, members: Sequence[int]) -> list[DatasetImage]:
        return sorted((self.images[index] for index in members), key=lambda image: image.path)

    def _cluster(self, members: Sequence[int]) -> DuplicateCluster:
        images = self._sorted(members)
        across = len({image.split for image in images}) > 1
        return DuplicateCluster(paths=[image.path for image in images], across_splits=across)

    def _pairs(self) -> Iterator[DuplicatePair]:
        """All pairs: those across the splits first, then contradicting labels, then the most similar."""
        groups = [_by_kind(self.images, group) for group in self.groups]
        links = sorted(self.links, key=lambda link: -link.similarity)
        for rank in product((True, False), (True, False)):
            for group in groups:
                for a, b in _pairs_within(group, rank):
                    yield self._pair(a, b, "exact", "none", 1.0)
            for link in links:
                for a, b in _pairs_between(groups[link.a], groups[link.b], rank):
                    yield self._pair(a, b, link.kind, link.transform, link.similarity)

    def _pair(self, first: int, second: int, kind: str, transform: str, similarity: float) -> DuplicatePair:
        a, b = self.images[first], self.images[second]
        if b.path < a.path:
            a, b, transform = b, a, inverse(transform)
        return DuplicatePair(
            a=a.path,
            b=b.path,
            kind=kind,
            transform=transform,
            similarity=similarity,
            split_a=SPLIT_NAMES[a.split],
            split_b=SPLIT_NAMES[b.split],
            label_a=a.label,
            label_b=b.label,
        )

    def _pair_counts(self) -> list[PairCount]:
        counts: Counter[tuple[str, str]] = Counter()
        for group in self.groups:
            train, test = self._split_sizes(group)
            counts["exact", "within-train"] += train * (train - 1) // 2
            counts["exact", "within-test"] += test * (test - 1) // 2
            counts["exact", "across"] += train * test
        for link in self.links:
            (train_a, test_a), (train_b, test_b) = map(self._split_sizes, (self.groups[link.a], self.groups[link.b]))
            counts[link.kind, "within-train"] += train_a * train_b
            counts[link.kind, "within-test"] += test_a * test_b
            counts[link.kind, "across"] += train_a * test_b + test_a * train_b
        return [
            PairCount(kind=kind, scope=scope, count=count) for (kind, scope), count in sorted(counts.items()) if count
        ]

    def _split_sizes(self, group: Sequence[int]) -> tuple[int, int]:
        train = sum(self.images[index].split == Split.SPLIT_TRAIN for index in group)
        return train, len(group) - train

    def _leaks(self, clusters: Sequence[Sequence[int]]) -> dict[str, TwinCount]:
        test = Counter(image.label for image in self.images if image.split == Split.SPLIT_TEST)
        leaked = Counter(self.images[index].label for cluster in clusters for index in self._leaked(cluster))
        counts = {label: TwinCount(count=leaked[label], of=test[label]) for label in sorted(test)}
        return counts | {"all": TwinCount(count=leaked.total(), of=test.total())}

    def _leaked(self, cluster: Sequence[int]) -> Sequence[int]:
        test = [index for index in cluster if self.images[index].split == Split.SPLIT_TEST]
        return test if len(test) < len(cluster) else []


def _by_kind(images: Sequence[DatasetImage], group: Sequence[int]) -> _Kinds:
    kinds: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for index in group:
        kinds[images[index].split, images[index].label].append(index)
    return kinds


def _rank(first: tuple[int, str], second: tuple[int, str]) -> tuple[bool, bool]:
    """Whether a pair of these kinds is across the splits, and whether its labels contradict each other."""
    return first[0] != second[0], first[1] != second[1]


def _pairs_within(group: _Kinds, rank: tuple[bool, bool]) -> Iterator[tuple[int, int]]:
    for kind, members in group.items():
        if _rank(kind, kind) == rank:
            yield from combinations(members, 2)
    for first, second in combinations(group, 2):
        if _rank(first, second) == rank:
            yield from product(group[first], group[second])


def _pairs_between(a: _Kinds, b: _Kinds, rank: tuple[bool, bool]) -> Iterator[tuple[int, int]]:
    for first, second in product(a, b):
        if _rank(first, second) == rank:
            yield from product(a[first], b[second])
