"""What a network gives of images: logits, and features by which unlike images are told."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthoscope.classifier.networks import Network

OUTPUTS = ("logits", "features")


@dataclass(frozen=True)
class Outputs:
    """Logits float32 N×C, and features float32 N×D."""

    logits: NDArray[np.float32]
    features: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> "Outputs":
        """Those of some images."""
        return Outputs(self.logits[rows], self.features[rows])


def outputs_of(network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and features of a network's inputs N×3×S×S."""
    activations = network.activations(x)
    return network.head(activations[-1]), pooled(activations)


def pooled(activations: Sequence[Tensor]) -> Tensor:
    """The mean of each channel of feature maps N×K×h×w, N×D over all maps."""
    return torch.cat([maps.mean(dim=(2, 3)) for maps in activations], dim=1)
