"""Whether there are enough images to train a classifier. Needs no torch: services ask it before they accept a job."""

from collections.abc import Mapping

import numpy as np

from synthoscope.classifier.config import ClassifierConfig, Output
from synthoscope.classifier.reliability.operating_point import check_images
from synthoscope.datasets.findings import findings_by_label
from synthoscope.rpc.errors import FailedPrecondition


def check_counts(
    config: ClassifierConfig, counts: Mapping[str, int], synthetic: int = 0, *, synthetic_only: bool = False
) -> None:
    """Checks real training images by class, classes without one included, with how many synthetic ones there are.

    With `synthetic_only`, the real ones that are not held out are not learned from.

    Raises FailedPrecondition when there are fewer than two classes, too few real images to hold some out for
    validation, or, where an epoch is one pass, too few images left to fill a batch; when findings are wanted and the
    classes name none; when the operating point is that of a class that is not there, or has too few held-out images.
    """
    shown = counts if config.output is not Output.FINDINGS else _by_finding(counts, config.no_finding)
    if len(counts) < 2:
        raise FailedPrecondition(f"a classifier needs at least 2 classes; there are {len(counts)}")
    few = sorted(label for label, count in shown.items() if count < 2)
    if few:
        raise FailedPrecondition(f"the training images have fewer than 2 images of {', '.join(few)}")
    by_class = {label: max(1, round(count * config.validation_fraction)) for label, count in counts.items()}
    if config.operating_label:
        _check_operating_point(config, by_class)
    images = sum(counts.values())
    held_out = sum(by_class.values()) if shown is counts else max(1, round(images * config.validation_fraction))
    left = (0 if synthetic_only else images - held_out) + synthetic
    # With `steps_per_epoch`, images come again until the batches are full.
    if not config.steps_per_epoch and left < config.batch_size:
        raise FailedPrecondition(
            f"{left} training images are left when {held_out} are held out for validation, "
            f"fewer than config.batch_size, {config.batch_size}"
        )


def _by_finding(counts: Mapping[str, int], no_finding: str) -> Mapping[str, int]:
    """Images that show each finding, and those that show none where there are some, from those with each label."""
    findings, named = findings_by_label(list(counts), no_finding)
    images = np.array(list(counts.values()))
    shown = dict(zip(findings, (images @ named).tolist(), strict=True))
    without = int(images[~named.any(axis=1)].sum())
    return shown | ({no_finding or "no finding": without} if without else {})


def _check_operating_point(config: ClassifierConfig, held_out: Mapping[str, int]) -> None:
    label, sensitivity = config.operating_label, config.operating_sensitivity
    if label not in held_out:
        known = ", ".join(sorted(held_out))
        raise FailedPrecondition(f"config.operating_label: {label} is none of the classes {known}")
    check_images(label, sensitivity, held_out[label])
