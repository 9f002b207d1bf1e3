"""What goes into the network at each step: changed images, or what a frozen backbone once made of them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.networks.network import DropoutMasks, Network, to_input
from synthoscope.classifier.networks.transfer import TransferNetwork
from synthoscope.images.augmenting import apply_changes, draw_changes
from synthoscope.images.centre_view import centre_view
from synthoscope.images.preprocessing import Pipeline
from synthoscope.training.randomness import numpy_generator, torch_generator


class Inputs(Protocol):
    """The inputs of some images, by row, on the network's device."""

    def changed(self, rows: NDArray[np.int64], share: slice, step: int) -> Tensor:
        """Those of a worker's share of a step's batch, randomly changed."""

    def plain(self, rows: NDArray[np.int64]) -> Tensor:
        """Those of some rows as they are."""

    def logits(self, network: Network, inputs: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """What a network makes of them."""


@dataclass(frozen=True)
class PixelInputs:
    """Images uint8 N×S×S×3, augmented, or cut to their centre, as the configuration says, then normalised as their
    pipeline says.
    """

    images: NDArray[np.uint8]
    pipeline: Pipeline
    config: ClassifierConfig
    device: torch.device

    def changed(self, rows: NDArray[np.int64], share: slice, step: int) -> Tensor:
        """Float32 n×3×S×S of the rows of a whole batch that this worker takes."""
        changes = draw_changes(
            self.config.augmentation, len(rows), torch_generator(self.config.seed, "augmentation", step)
        )
        return self.pipeline.normalization.apply(apply_changes(self._pixels(rows[share]), changes.part(share)))

    def plain(self, rows: NDArray[np.int64]) -> Tensor:
        """Float32 n×3×S×S."""
        return self.pipeline.normalization.apply(centre_view(self._pixels(rows), self.config.evaluation_crop))

    def logits(self, network: Network, inputs: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The whole network's."""
        logits: Tensor = network(inputs, dropout)
        return logits

    def _pixels(self, rows: NDArray[np.int64]) -> Tensor:
        return to_input(torch.from_numpy(self.images[rows]).to(self.device))


@dataclass(frozen=True)
class FixedInputs:
    """What a frozen backbone made of the images, float32 N×…, computed once."""

    features: NDArray[np.float32]
    device: torch.device

    def changed(self, rows: NDArray[np.int64], share: slice, step: int) -> Tensor:
        """The worker's rows; nothing is changed."""
        return self.plain(rows[share])

    def plain(self, rows: NDArray[np.int64]) -> Tensor:
        """The rows."""
        return torch.from_numpy(self.features[rows]).to(self.device)

    def logits(self, network: Network, inputs: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The head's. Raises TypeError for a network without a backbone."""
        if not isinstance(network, TransferNetwork):
            raise TypeError("only a transfer network can go on from what its backbone made")
        return network.rest(inputs, dropout)


@dataclass(frozen=True)
class Mixing:
    """Mixup (Zhang et al. 2018) of neighbours in a batch, whose order is random: share·own + (1 - share)·other.

    Neighbours lie with the same worker, so that a batch is mixed alike on any number of workers.
    """

    share: float

    @classmethod
    def of_step(cls, config: ClassifierConfig, step: int) -> "Mixing":
        """The mixing of a step: its share is drawn from Beta(alpha, alpha)."""
        generator = numpy_generator(config.seed, "mixup", step)
        return cls(float(generator.beta(config.mixup, config.mixup)) if config.mixup else 1.0)

    def inputs(self, x: Tensor) -> Tensor:
        """Mixed inputs; N is even."""
        return x if self.share == 1.0 else torch.lerp(neighbours(x), x, self.share)

    def losses(self, own: Tensor, other: Tensor) -> Tensor:
        """The mixed losses, of predictions for mixed inputs against their own and their neighbours' labels."""
        return own * self.share + other * (1.0 - self.share)


def neighbours(x: Tensor) -> Tensor:
    """The rows of a batch with each two neighbours exchanged."""
    return x.view(-1, 2, *x.shape[1:]).flip(1).view(x.shape)
