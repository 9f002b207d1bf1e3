"""What turns images into the features that distances are taken between.

A distance means something only beside others in the same features, so every extractor has a name, and results say it.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class FeatureExtractor(Protocol):
    """A network, without its last layer."""

    @property
    def name(self) -> str:
        """Says which network, and all else that its features depend on."""

    @property
    def dimensions(self) -> int:
        """Features per image, D."""

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 N×D of uint8 RGB images N×H×W×3, of any one size. Raises ValueError for other shapes or dtypes."""


@runtime_checkable
class ClassifyingExtractor(FeatureExtractor, Protocol):
    """One whose last layer is there too, so that an Inception score can be taken."""

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class probabilities, float32 N×C, of what `features` gave, N×D."""


def check_colour_images(images: NDArray[np.uint8]) -> None:
    """Raises ValueError unless images are uint8 N×H×W×3."""
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ValueError(f"images must be uint8 N×H×W×3, not {images.dtype} {images.shape}")


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities, N×C, of logits N×C."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
