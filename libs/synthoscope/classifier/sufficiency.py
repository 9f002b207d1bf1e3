"""Whether there are enough images to train a classifier. Needs no torch: services ask it before they accept a job."""

from collections.abc import Mapping

from synthoscope.classifier.config import ClassifierConfig
from synthoscope.rpc.errors import FailedPrecondition


def check_counts(config: ClassifierConfig, counts: Mapping[str, int], synthetic: int = 0) -> None:
    """Checks real training images by class, classes without one included, with how many synthetic ones there are.

    Raises FailedPrecondition when there are fewer than two classes, too few real images to hold some out for
    validation, or, where an epoch is one pass, too few images left to fill a batch.
    """
    if len(counts) < 2:
        raise FailedPrecondition(f"a classifier needs at least 2 classes; there are {len(counts)}")
    few = sorted(label for label, count in counts.items() if count < 2)
    if few:
        raise FailedPrecondition(f"the training images have fewer than 2 images of {', '.join(few)}")
    held_out = sum(max(1, round(count * config.validation_fraction)) for count in counts.values())
    left = sum(counts.values()) - held_out + synthetic
    # With `steps_per_epoch`, images come again until the batches are full.
    if not config.steps_per_epoch and left < config.batch_size:
        raise FailedPrecondition(
            f"{left} training images are left when {held_out} are held out for validation, "
            f"fewer than config.batch_size, {config.batch_size}"
        )
