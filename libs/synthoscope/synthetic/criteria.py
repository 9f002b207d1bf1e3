"""What is asked of a synthetic set: every criterion, its limits, and where they come from.

From measurements on phantoms and on brain-tumor-mri's training split at 64 px; benchmarks/gate.py judges planted sets
by them, of other draws and, of brain-tumor-mri, another split. Between the limits of admission and of study lies what
may serve an experiment. No test split was looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from synthoscope.api.synthesis.v1.synthesis_pb2 import Admission, Criterion

REFUSED, FOR_STUDY, ADMITTED = (
    Admission.ADMISSION_REFUSED,
    Admission.ADMISSION_FOR_STUDY,
    Admission.ADMISSION_ADMITTED,
)

LEAST_IMAGES = 50
"""Of each class, of either kind: with fewer, a distance says more of chance than of the generator."""


@dataclass(frozen=True)
class Limits:
    """A criterion's limits, `what` it measures for a person to read, and what a set may be whose value is unknown."""

    what: str
    admitted: float
    study: float
    at_most: bool = False
    unknown: Admission = REFUSED

    def allows(self, value: float | None) -> Admission:
        """What a value allows; not a number is unknown."""
        if value is None or value != value:
            return self.unknown
        if self._within(value, self.admitted):
            return ADMITTED
        return FOR_STUDY if self._within(value, self.study) else REFUSED

    def _within(self, value: float, limit: float) -> bool:
        return value <= limit if self.at_most else value >= limit


CRITERIA: Mapping[str, Limits] = {
    "generated_images": Limits("fewest generated images of a class", LEAST_IMAGES, LEAST_IMAGES),
    "training_images": Limits("fewest training images of a class", LEAST_IMAGES, LEAST_IMAGES),
    # Held-out phantoms are at 0.93 to 1.08, brain slices at 1.13 to 1.34 (in the worst class up to 1.96); sets of 60
    # different images at 2.8 to 3.6, of 20 at 4.1 to 7.1.
    "frechet": Limits("Fréchet distance to training images, over that between halves of them", 2.0, 4.0, at_most=True),
    "worst_class_frechet": Limits("the same of the worst class", 2.0, 4.0, at_most=True),
    # Naeem et al. 2020: about 1 for equally many images of one distribution.
    "coverage": Limits("coverage of training images, over that by other training images", 0.8, 0.5),
    # Kynkäänniemi et al. 2019. It tells of collapse: held-out images are at 0.5 or more; up to 20 images of a class,
    # again and again, at 0.06 or less.
    "worst_class_recall": Limits("recall of training images of the worst class, over that by others", 0.4, 0.2),
    # Of neighbouring slices of a few patients the held-out ones may have more than the training images: up to 0.22 of
    # repeats more, and a spread down to 0.58.
    "spread": Limits("distance to the nearest of the same class, over that among training images", 0.5, 0.35),
    "repeats": Limits(
        "share of near-copies of each other in the worst class, less that among training images", 0.3, 0.5, at_most=True
    ),
    # The yardstick of the two below: a probe that knows little more than chance cannot judge labels. Where there is but
    # one class no label can be wrong, but what the images show is unknown.
    "probe": Limits(
        "skill of a classifier of the features on training images it did not see", 0.2, 0.2, unknown=FOR_STUDY
    ),
    "label_agreement": Limits(
        "agreement of its guesses with the labels, over that skill", 0.75, 0.5, unknown=FOR_STUDY
    ),
    "worst_class_agreement": Limits("the same of the worst class", 0.6, 0.4, unknown=FOR_STUDY),
    # Near-copies of training images are a matter of privacy, so nothing lies between.
    "training_copies": Limits("share of near-copies of training images, before filtering", 0.05, 0.05, at_most=True),
}
"""By name, in the order in which they are told."""


def criterion(name: str, value: float | None) -> Criterion:
    """What a value, None for one that could not be measured, of the criterion of a name allows, and a sentence."""
    limits = CRITERIA[name]
    bound = "at most" if limits.at_most else "at least"
    asked = f"{bound} {limits.admitted:g} to be admitted"
    if limits.study != limits.admitted:
        asked += f", {limits.study:g} for study"
    measured = "could not be measured" if value is None or value != value else f"{value:.3g}"
    made = Criterion(
        name=name,
        at_most=limits.at_most,
        admitted_limit=limits.admitted,
        study_limit=limits.study,
        admission=limits.allows(value),
        finding=f"{limits.what}: {measured} ({asked})",
    )
    if value is not None and value == value:
        made.value = value
    return made
