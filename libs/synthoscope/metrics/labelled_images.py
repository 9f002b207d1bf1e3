"""Images with their class names: what is measured, and what it is measured against."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.feature_extractor import FeatureExtractor
from synthoscope.metrics.image_sets import grey, with_channels
from synthoscope.metrics.symmetries import SYMMETRIES

CHUNK = 128
"""Images that an extractor is given at once."""


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images uint8 N×H×W or N×H×W×3, which may lie in a file mapped to memory, and a class name for each.

    Raises ValueError for other shapes or dtypes, or when there are not as many names as images.
    """

    images: NDArray[np.uint8]
    labels: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.images) or with_channels(self.images).shape[3] not in (1, 3):
            raise ValueError(f"images must be grey or RGB, one for each of {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def rows(self) -> dict[str, NDArray[np.int64]]:
        """Which images are of each class, classes in the order of their names."""
        labels = np.asarray(self.labels, dtype=object)
        return {label: np.flatnonzero(labels == label) for label in sorted(set(self.labels))}

    @cached_property
    def grey(self) -> NDArray[np.uint8]:
        """The images in grey, N×H×W."""
        return grey(self.images)

    def counts(self) -> dict[str, int]:
        """How many images there are of each class."""
        return {label: len(rows) for label, rows in self.rows.items()}


def features_of(
    images: NDArray[np.uint8], extractor: FeatureExtractor, symmetry: str, seen: Callable[[int], None]
) -> NDArray[np.float32]:
    """Features, float32 N×D, of images uint8 N×H×W[×3] laid as SYMMETRIES has it; tells how many more were `seen`."""
    features = np.empty((len(images), extractor.dimensions), np.float32)
    for start in range(0, len(images), CHUNK):
        chunk = with_channels(images[start : start + CHUNK])
        colour = np.broadcast_to(chunk, (*chunk.shape[:3], 3))
        features[start : start + CHUNK] = extractor.features(SYMMETRIES[symmetry](colour))
        seen(len(chunk))
    return features
