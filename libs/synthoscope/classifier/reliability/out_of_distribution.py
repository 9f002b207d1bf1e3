"""Tells images unlike the training images: by their distance to the nearest of these (Sun et al. 2022), in five views.

What the network sees of an image is one (its pooled features, from the first to the last resolution); the others are in
`views`. In each, differences are counted in units of how training images differ (Mahalanobis 1936; Lee et al. 2018),
so that what never varies among them counts most. An image is refused when it is stranger than held-out real images in
any view. Limits are shared out among the views by Bonferroni's bound: as split conformal prediction has it, of images
like the held-out ones at most ALLOWED are refused, if there are enough of these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthoscope.classifier.reliability import views

NEIGHBOURS = 10
BANK = 2000
"""Most training images to fit a detector on: each image to be judged is compared with all of them."""

ALLOWED = 0.02
"""Share of real images that may be refused."""

_COMPONENTS = 256
"""Most directions that are told apart in a view; what is left of an image counts as one more."""

_RIDGE = 1e-2
"""Least variance of a direction, as a share of the mean one."""

_TINY = 1e-12

THRESHOLD = 1.0
"""Of scores, above which images are refused."""

FEATURES, STATISTICS = "features", "statistics"
VIEWS: Mapping[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = {
    STATISTICS: views.statistics,
    "layout": views.layout,
    "texture": views.texture,
    "edges": views.edges,
}
"""The views besides the network's features, by name."""

Views = Mapping[str, NDArray[np.float32]]
"""By name of the view, one row an image, N×D."""


def views_of(images: NDArray[np.uint8], features: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """All views of images uint8 N×H×W×3 with the network's features float32 N×D."""
    return {FEATURES: features} | {name: view(images) for name, view in VIEWS.items()}


@dataclass(frozen=True)
class Units:
    """How the training images differ in a view: a row is taken for its parts along the `axes`, D×R, less those of
    `centre`, D, each in units of its length, R; and for what is left of it in units of `rest`, 1.
    """

    centre: NDArray[np.float32]
    axes: NDArray[np.float32]
    lengths: NDArray[np.float32]
    rest: NDArray[np.float32]

    @classmethod
    def between(cls, view: NDArray[np.float32]) -> "Units":
        """Those of rows M×D, at least one."""
        centre = view.mean(axis=0)
        _, singular, axes = np.linalg.svd(view - centre, full_matrices=False)
        variances = singular**2 / len(view)
        least = max(_RIDGE * float(variances.sum()) / view.shape[1], _TINY)
        lengths = np.sqrt(variances[:_COMPONENTS] + least)
        return cls(centre, np.ascontiguousarray(axes[:_COMPONENTS].T), lengths, np.sqrt([least]).astype(np.float32))

    def of(self, view: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows N×D in these units, N×(R + 1)."""
        centred = view - self.centre
        along = centred @ self.axes
        left = np.maximum((centred**2).sum(axis=1) - (along**2).sum(axis=1), 0.0)
        return np.column_stack([along / self.lengths, np.sqrt(left) / self.rest]).astype(np.float32)


@dataclass(frozen=True)
class Bank:
    """One view of M training images, M×(R + 1) in its units."""

    units: Units
    rows: NDArray[np.float32]

    @classmethod
    def of(cls, view: NDArray[np.float32]) -> "Bank":
        """The bank of rows M×D, at least one."""
        units = Units.between(view)
        return cls(units, units.of(view))

    def distances(self, view: NDArray[np.float32]) -> NDArray[np.float32]:
        """To the k-th nearest training image, float32 N, of rows N×D."""
        rows, nearest = self.units.of(view), min(NEIGHBOURS, len(self.rows)) - 1
        squares = (rows**2).sum(axis=1)[:, None] + self._squares - 2 * rows @ self.rows.T
        return np.sqrt(np.maximum(np.partition(squares, nearest, axis=1)[:, nearest], 0.0)).astype(np.float32)

    @cached_property
    def _squares(self) -> NDArray[np.float32]:
        squares: NDArray[np.float32] = (self.rows**2).sum(axis=1)
        return squares


@dataclass(frozen=True)
class Detector:
    """The banks by view, and the distances above which an image is refused, in their order."""

    banks: Mapping[str, Bank]
    limits: NDArray[np.float32]

    def distances(self, seen: Views) -> NDArray[np.float32]:
        """To the training images in each view, float32 N×V."""
        return np.stack([bank.distances(seen[name]) for name, bank in self.banks.items()], axis=1)

    def scores(self, seen: Views) -> NDArray[np.float32]:
        """How strange images are, float32 N: the largest of the views' distances over their limits."""
        scores: NDArray[np.float32] = (self.distances(seen) / self.limits).max(axis=1)
        return scores

    def refused(self, seen: Views) -> NDArray[np.bool_]:
        """Which images are too strange to be diagnosed, N: those with a score above THRESHOLD."""
        return self.scores(seen) > THRESHOLD

    def to_tensors(self) -> dict[str, NDArray[np.float32]]:
        """All of it as named arrays."""
        tensors = {"limits": self.limits}
        for name, bank in self.banks.items():
            parts = {part.name: getattr(bank.units, part.name) for part in fields(Units)} | {"rows": bank.rows}
            tensors |= {f"{name}.{part}": array for part, array in parts.items()}
        return tensors

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float32]]) -> "Detector":
        """The detector that `to_tensors` wrote. Raises KeyError when something is missing."""

        def units(name: str) -> Units:
            return Units(**{part.name: tensors[f"{name}.{part.name}"] for part in fields(Units)})

        banks = {name: Bank(units(name), tensors[f"{name}.rows"]) for name in (FEATURES, *VIEWS)}
        return cls(banks, tensors["limits"])


def fit(training: Views, held_out: Views) -> Detector:
    """A detector of training images, at least one, with limits from held-out real ones, at least one."""
    detector = Detector({name: Bank.of(rows) for name, rows in training.items()}, np.ones(len(training), np.float32))
    return replace(detector, limits=limits_of(detector.distances(held_out)))


def limits_of(distances: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a share ALLOWED / V of held-out images' distances N×V is above, by view, V.

    The ⌈(N + 1)·(1 - ALLOWED / V)⌉-th smallest, or the largest where N is too small for that.
    """
    count, kinds = distances.shape
    rank = min(count, int(np.ceil((count + 1) * (1 - ALLOWED / kinds))))
    highest: NDArray[np.float32] = np.partition(distances, rank - 1, axis=0)[rank - 1]
    return np.maximum(highest, np.float32(1e-6))
