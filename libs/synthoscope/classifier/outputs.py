"""What a network gives of images, however it is computed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NAMES = ("logits", "features")
"""Of the outputs of an exported network, in order."""


@dataclass(frozen=True)
class Outputs:
    """Logits float32 N×C, and features float32 N×D, by which unlike images are told."""

    logits: NDArray[np.float32]
    features: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> "Outputs":
        """Those of some images."""
        return Outputs(self.logits[rows], self.features[rows])
