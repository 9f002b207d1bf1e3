"""Density and coverage: precision and recall that a few outliers do not sway.

Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models"; reference implementation:
clovaai/generative-evaluation-prdc. Balls are drawn around real features alone, each as large as the distance to its
k-th nearest other one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.feature_sets import comparable_features
from synthoscope.metrics.nearest import distance_blocks, neighbour_radii


@dataclass(frozen=True)
class DensityCoverage:
    """Density: how many real balls hold a generated image, over k; at least 0, 1 in the mean for one distribution.

    Coverage: the share of real balls that hold at least one generated image, in [0, 1]; about 1 - 2⁻ᵏ for equally many
    images of one distribution.
    """

    density: float
    coverage: float


def density_coverage(real: NDArray[Any], generated: NDArray[Any], k: int = 5) -> DensityCoverage:
    """Density and coverage from N×D features of real and M×D features of generated images, N more than k, M at least 2.

    Coverage depends on N and M: compare only what was measured with the same. Raises ValueError for other shapes or for
    numbers that are not finite.
    """
    real, generated = comparable_features(real, generated)
    radii = neighbour_radii(real, k)
    held, covered = 0, 0
    for rows, distances in distance_blocks(real, generated):
        inside = distances <= radii[rows, None]
        held += int(np.count_nonzero(inside))
        covered += int(np.count_nonzero(inside.any(axis=1)))
    return DensityCoverage(held / (k * len(generated)), covered / len(real))
