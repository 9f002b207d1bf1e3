"""A torch network's logits and features."""

from collections.abc import Sequence

import torch
from torch import Tensor

from synthoscope.classifier.networks import Network


def outputs_of(network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and features of a network's inputs N×3×S×S."""
    activations = network.activations(x)
    return network.head(activations[-1]), pooled(activations)


def pooled(activations: Sequence[Tensor]) -> Tensor:
    """The mean of each channel of feature maps N×K×h×w, N×D over all maps."""
    return torch.cat([maps.mean(dim=(2, 3)) for maps in activations], dim=1)
