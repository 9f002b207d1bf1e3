"""Precision and recall of a generator: how much of what it makes is like real images, how much of the real it makes.

Kynkäänniemi et al. 2019, "Improved precision and recall metric for assessing generative models"; reference
implementation: kynkaat/improved-precision-and-recall-metric, `precision_recall.py`. The support of a set is taken for
the union of balls around its features, each as large as the distance to its k-th nearest other one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.feature_sets import comparable_features
from synthoscope.metrics.nearest import distance_blocks, neighbour_radii


@dataclass(frozen=True)
class PrecisionRecall:
    """Both in [0, 1]: the share of generated images in the support of the real ones, and the reverse."""

    precision: float
    recall: float


def precision_recall(real: NDArray[Any], generated: NDArray[Any], k: int = 3) -> PrecisionRecall:
    """Precision and recall from N×D features of real and M×D features of generated images, N and M more than k.

    They depend on N and M: compare only what was measured with the same. Raises ValueError for other shapes or for
    numbers that are not finite.
    """
    real, generated = comparable_features(real, generated)
    real_radii, generated_radii = neighbour_radii(real, k), neighbour_radii(generated, k)
    precise, recalled = np.zeros(len(generated), bool), np.zeros(len(real), bool)
    for rows, distances in distance_blocks(real, generated):
        precise |= (distances <= real_radii[rows, None]).any(axis=0)
        recalled[rows] = (distances <= generated_radii).any(axis=1)
    return PrecisionRecall(float(precise.mean()), float(recalled.mean()))
