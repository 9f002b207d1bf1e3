"""Grad-CAM (Selvaraju et al. 2017) on a network split into `features` and `head`.

The features are computed once without a graph; only the head is differentiated, and only with respect to the features.
So no hook is set, no `param.grad` is touched, frozen weights will do, and any number of threads may share a network.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class SplitNetwork(Protocol):
    """A network that is `head(features(x))`."""

    def features(self, x: Tensor) -> Tensor:
        """The last convolution's activation, N×K×h×w."""

    def head(self, features: Tensor) -> Tensor:
        """The logits, N×C."""


@dataclass(frozen=True)
class GradCam:
    """For each of N images: the map N×h×w on the layer's own grid, float32, not negative; logits and probabilities N×C.

    A map's unit is that of the logit explained, so maps of one network can be compared; nothing is rescaled.
    """

    maps: Tensor
    logits: Tensor
    probabilities: Tensor


def grad_cam(network: SplitNetwork, x: Tensor, targets: Tensor | None = None) -> GradCam:
    """Explains one class for each image of a batch.

    `x` is what the network takes, N×…; `targets` are class indices, int64 N, and may differ from image to image; None
    means each image's predicted class.
    """
    with torch.no_grad():
        features = network.features(x)
    features.requires_grad_(True)
    with torch.enable_grad():
        logits = network.head(features)
        if targets is None:
            targets = logits.detach().argmax(1)
        # Images do not meet in the head, so the gradient of the sum holds each image's own.
        explained = logits.gather(1, targets[:, None]).sum()
        (gradients,) = torch.autograd.grad(explained, features)
    features, logits = features.detach(), logits.detach()
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return GradCam((weights * features).sum(1).relu().float(), logits, logits.softmax(1))
