"""The first seed paper's convolutional network, split where Grad-CAM looks.

Every network has `features` (up to the last convolution's activation) and `head` (from there to the logits), so that
explanations need no hooks.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.classifier.config import PRESETS
from synthoscope.training.randomness import torch_generator

HIDDEN_UNITS = 128


def to_input(images: Tensor) -> Tensor:
    """Uint8 images N×H×W×3 as float32 N×3×H×W in [0, 1], channels last in memory: to be augmented, then normalised."""
    return images.permute(0, 3, 1, 2).float().div_(255.0)


class SeedCnn(nn.Module):
    """3×3 convolutions 32, 64, 64, each with ReLU and 2×2 max pooling; dense 128 with ReLU; dropout; dense logits.

    Source: the first seed paper's CNN, 128×128×3 inputs; the softmax is left to the loss and to prediction. What the
    paper does not print is chosen as Keras does by default: no padding, stride 1, Glorot-uniform weights, zero biases.
    So the last convolution's grid is 28×28 for 128 px and 12×12 for 64 px, and with four classes there are 1,662,596
    parameters for 128 px and 351,876 for 64 px.
    """

    last_convolution: ClassVar[str] = "convolution3"
    cell_start: ClassVar[float] = 8.5
    cell_stride: ClassVar[float] = 4.0
    """Centre of the last convolution's first cell, and from one cell to the next, in input pixels (first pixel: 0)."""

    def __init__(self, image_size: int, classes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(3, 32, 3)
        self.convolution2 = nn.Conv2d(32, 64, 3)
        self.convolution3 = nn.Conv2d(64, 64, 3)
        side = (((image_size - 2) // 2 - 2) // 2 - 2) // 2
        self.dense = nn.Linear(side * side * 64, HIDDEN_UNITS)
        self.output = nn.Linear(HIDDEN_UNITS, classes)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter, generator=generator)
            else:
                nn.init.zeros_(parameter)
            parameter.data = channels_last(parameter.data)

    def features(self, x: Tensor) -> Tensor:
        """The last convolution's activation, N×64×h×w, of `to_input`'s images, normalised."""
        x = F.max_pool2d(F.relu(self.convolution1(x)), 2)
        x = F.max_pool2d(F.relu(self.convolution2(x)), 2)
        return F.relu(self.convolution3(x))

    def hidden(self, features: Tensor) -> Tensor:
        """The activations of the hidden layer, N×128, of `features`."""
        return F.relu(self.dense(F.max_pool2d(features, 2).flatten(1)))

    def head(self, features: Tensor, dropout: Tensor | None = None) -> Tensor:
        """The logits, N×classes, of `features`; `dropout` is the mask N×128 of a training step, None elsewhere."""
        hidden = self.hidden(features)
        if dropout is not None:
            hidden = hidden * dropout
        logits: Tensor = self.output(hidden)
        return logits

    def forward(self, x: Tensor, dropout: Tensor | None = None) -> Tensor:
        """The logits, N×classes, of `to_input`'s images, normalised."""
        return self.head(self.features(x), dropout)


def dropout_mask(rate: float, images: int, generator: torch.Generator) -> Tensor:
    """What dropout multiplies a batch's hidden units with: float32 images × 128, 0 with probability `rate`."""
    return (torch.rand(images, HIDDEN_UNITS, generator=generator) >= rate).float() / (1.0 - rate)


def channels_last(weights: Tensor) -> Tensor:
    """Convolution weights, or moments of them, laid out in memory as the inputs are: faster on a CPU."""
    return weights.contiguous(memory_format=torch.channels_last) if weights.ndim == 4 else weights


def build_network(preset: str, classes: int, seed: int = 0) -> SeedCnn:
    """A preset's network with weights that depend only on the seed. Raises KeyError for an unknown preset."""
    return SeedCnn(PRESETS[preset].image_size, classes, torch_generator(seed, "weights"))
