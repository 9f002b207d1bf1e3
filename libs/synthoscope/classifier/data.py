"""What a classifier learns from, and what is held out of it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from synthoscope.images.preprocessing import Pipeline
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.training.randomness import numpy_generator


@dataclass(frozen=True)
class LabelledPixels:
    """Images uint8 N×S×S×3 and their class indices int64 N."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> "LabelledPixels":
        """Some of them."""
        return LabelledPixels(self.images[indices], self.labels[indices])

    def join(self, other: "LabelledPixels | None") -> "LabelledPixels":
        """These and those."""
        if other is None or not len(other):
            return self
        return LabelledPixels(np.concatenate([self.images, other.images]), np.concatenate([self.labels, other.labels]))


@dataclass(frozen=True)
class TrainingData:
    """Training and validation images, and what preprocessed them; validation never holds a synthetic one."""

    training: LabelledPixels
    validation: LabelledPixels
    pipeline: Pipeline = field(default_factory=Pipeline)


def hold_out(real: LabelledPixels, synthetic: LabelledPixels | None, fraction: float, seed: int) -> TrainingData:
    """Holds a share of each class of the real images out for validation; all else, synthetic ones too, is for training.

    The share is rounded, with at least one image of each class on either side. Raises FailedPrecondition when a class
    has a single real image.
    """
    generator = numpy_generator(seed, "validation")
    held = []
    for label in np.unique(real.labels):
        members = np.flatnonzero(real.labels == label)
        if len(members) < 2:
            raise FailedPrecondition("every class needs at least 2 training images, so that one can be held out")
        count = min(max(round(len(members) * fraction), 1), len(members) - 1)
        held.append(generator.permutation(members)[:count])
    validation = np.sort(np.concatenate(held))
    rest = np.setdiff1d(np.arange(len(real)), validation)
    return TrainingData(real.take(rest).join(synthetic), real.take(validation))
