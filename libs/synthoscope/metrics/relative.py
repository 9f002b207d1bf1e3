"""A distance to real images as a multiple of its floor: what real images themselves have between two halves.

A distance alone depends on the features, the number of images and how much real ones differ among each other. Taken
between random halves of the real images, in the same features and with the same counts, it shows what a perfect
generator would reach.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.feature_sets import comparable_features

Distance = Callable[[NDArray[Any], NDArray[Any]], float]

OVERALL = "overall"
"""The key of the whole set among the classes'."""


@dataclass(frozen=True)
class Relative:
    """A distance between generated and real images, its floor between real ones, both with `count` images on each side.

    Both are means over the random halves, `floor_deviation` the floor's standard deviation over them. `ratio` is
    distance over floor, None where the floor is not above 0, as happens to unbiased distances such as the kernel
    distance: read `excess` there, which says how many of the floor's deviations the distance lies above it, and is
    None where they are 0.
    """

    distance: float
    floor: float
    floor_deviation: float
    count: int

    @property
    def ratio(self) -> float | None:
        """Distance over floor; 1 for a perfect generator."""
        return self.distance / self.floor if self.floor > 0.0 else None

    @property
    def excess(self) -> float | None:
        """How many of the floor's standard deviations the distance lies above the floor."""
        return (self.distance - self.floor) / self.floor_deviation if self.floor_deviation > 0.0 else None

    def as_json(self) -> dict[str, float | int | None]:
        """All of it as JSON takes it."""
        return {
            "distance": self.distance,
            "floor": self.floor,
            "floor_deviation": self.floor_deviation,
            "ratio": self.ratio,
            "excess": self.excess,
            "count": self.count,
        }


def relative(
    distance: Distance, real: NDArray[Any], generated: NDArray[Any], halvings: int = 3, seed: int = 0
) -> Relative:
    """A distance of features, real N×D (N ≥ 4) and generated M×D (M ≥ 2), beside its floor.

    Each of `halvings` times the real images are split at random; the first half is compared with the second, then with
    generated images, as many of each as there are of the fewest. Raises ValueError for other shapes.
    """
    comparable_features(real, generated)
    count = min(len(real) // 2, len(generated))
    if count < 2 or halvings < 1:
        raise ValueError(
            f"features must be of at least 4 real images and 2 generated, not {len(real)}, {len(generated)}"
        )
    random = np.random.default_rng(seed)
    distances, floors = [], []
    for _ in range(halvings):
        order = random.permutation(len(real))
        half, other = real[order[:count]], real[order[count : 2 * count]]
        floors.append(distance(half, other))
        distances.append(distance(half, generated[random.permutation(len(generated))[:count]]))
    return Relative(float(np.mean(distances)), float(np.mean(floors)), float(np.std(floors)), count)


def relative_by_class(
    distance: Distance,
    real: Mapping[str, NDArray[Any]],
    generated: Mapping[str, NDArray[Any]],
    halvings: int = 3,
    seed: int = 0,
) -> dict[str, Relative]:
    """`relative` of all images, under OVERALL, and of each class that has enough of both, from features by class.

    Classes of which only one side has images count overall. Raises ValueError where even the whole is too small.
    """
    answers = {OVERALL: relative(distance, pooled(real), pooled(generated), halvings, seed)}
    for label in sorted(real.keys() & generated.keys()):
        if len(real[label]) >= 4 and len(generated[label]) >= 2:
            answers[label] = relative(distance, real[label], generated[label], halvings, seed)
    return answers


def pooled(by_class: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The features of all classes, one after the other in the order of their names."""
    parts: Sequence[NDArray[Any]] = [by_class[label] for label in sorted(by_class)]
    return np.concatenate(parts)
