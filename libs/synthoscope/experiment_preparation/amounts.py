"""How many synthetic images of each class an experiment's arms draw from."""

import math
from collections.abc import Collection, Mapping

from synthoscope.api.experiments.v1.experiments_pb2 import Arm

UNFILTERED = frozenset({Arm.ARM_SYNTHETIC, Arm.ARM_BALANCED, Arm.ARM_SYNTHETIC_ONLY})
"""The arms that draw from unfiltered synthetic images."""

LARGEST_DEFAULT_RATIO = 2.0
"""Of the ratios that the contract gives an experiment that names none."""

_TABLE_RATIO = 1.0  # which compares all networks, whatever ratios are asked for


def unfiltered_counts(
    real: Mapping[str, int], arms: Collection[Arm], ratios: Collection[float] = ()
) -> Mapping[str, int]:
    """Images of each class, so that none of these arms has too few; nothing when none of them draws from any.

    `real` has the real images by class. Arms draw from the same images, so the arm that needs most of a class decides.
    """
    largest = max(real.values(), default=0)
    ratio = max([_TABLE_RATIO, *(ratios or [LARGEST_DEFAULT_RATIO])])
    needs = {
        Arm.ARM_SYNTHETIC: {label: math.floor(count * ratio + 0.5) for label, count in real.items()},
        Arm.ARM_BALANCED: {label: largest - count for label, count in real.items()},
        Arm.ARM_SYNTHETIC_ONLY: dict(real),
    }
    asked = [needs[arm] for arm in needs if arm in arms]
    return {label: max(need[label] for need in asked) for label in real} if asked else {}


def filtered_counts(real: Mapping[str, int], arms: Collection[Arm]) -> Mapping[str, int]:
    """As many images of each class as there are real ones, if the arm of filtered images is asked for."""
    return dict(real) if Arm.ARM_FILTERED in arms else {}
