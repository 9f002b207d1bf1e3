"""What an arm needs of a fraction. No torch: services ask before they accept a job."""

from synthoscope.api.experiments.v1.experiments_pb2 import Arm, Fraction

_SYNTHETIC = "needs synthetic sets, and no fraction has any"
NEEDS = {
    Arm.ARM_SYNTHETIC: _SYNTHETIC,
    Arm.ARM_BALANCED: f"{_SYNTHETIC}; where classes are of one size, none are made for it",
    Arm.ARM_SYNTHETIC_ONLY: _SYNTHETIC,
    Arm.ARM_FILTERED: "needs filtered synthetic sets, and no fraction has any",
    Arm.ARM_ORACLE: "needs further real images, and no fraction has any; a share of 1 leaves none",
}
"""What to say of an arm that no fraction has images for; the others need real images alone."""


def has_images(arm: Arm, fraction: Fraction) -> bool:
    """Whether a fraction brings what an arm is made of."""
    match arm:
        case Arm.ARM_SYNTHETIC | Arm.ARM_BALANCED | Arm.ARM_SYNTHETIC_ONLY:
            return bool(fraction.synthetic_sets)
        case Arm.ARM_FILTERED:
            return bool(fraction.filtered_sets)
        case Arm.ARM_ORACLE:
            return bool(fraction.further_version)
    return True
