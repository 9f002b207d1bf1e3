"""What every classification network is: `features` up to where Grad-CAM looks, then a `head` to the logits.

So explanations need no hooks. Dropout is given from outside as masks, so that a training step's random numbers depend
on its seed alone.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from synthoscope.classifier.config import Output

DropoutMasks = Sequence[Tensor]
"""What dropout multiplies activations with, layer by layer: float32 N×units."""


class Network(nn.Module):
    """A network of images N×3×S×S in [0, 1], normalised as their pipeline says.

    `cell_start` and `cell_stride` are the centre of the first cell of the last convolution's grid, and the distance of
    the next one, in input pixels (first pixel: 0).
    """

    last_convolution: str
    cell_start: float
    cell_stride: float
    dropout_units: tuple[int, ...]
    """Units that dropout applies to, layer by layer."""
    hidden_units: int
    """Activations before the output layer."""
    head_parts: ClassVar[tuple[str, ...]] = ()
    """Parts that keep learning while the rest is frozen; none when nothing can be."""

    output: nn.Module

    def features(self, x: Tensor) -> Tensor:
        """The last convolution's activation, N×K×h×w."""
        raise NotImplementedError

    def hidden(self, features: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The activations before the output layer, N×`hidden_units`; `dropout` has the masks of a training step."""
        raise NotImplementedError

    def activations(self, x: Tensor) -> list[Tensor]:
        """Feature maps N×K×h×w at the end of each resolution, the last convolution's at the end."""
        raise NotImplementedError

    def head(self, features: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The logits, N×C, of `features`."""
        logits: Tensor = self.output(self.hidden(features, dropout))
        return logits

    def forward(self, x: Tensor, dropout: DropoutMasks | None = None) -> Tensor:
        """The logits, N×C."""
        return self.head(self.features(x), dropout)


class OneUnit(nn.Module):
    """A dense layer of one unit z, as the papers' sigmoid outputs for two classes, given as two logits (-z/2, z/2).

    Their softmax is (1 - sigmoid(z), sigmoid(z)), and their cross-entropy is z's binary cross-entropy; both classes
    have a logit that can be explained.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits N×2 of N×`inputs`."""
        half = self.dense(x) / 2
        return torch.cat([-half, half], dim=1)


def paper_output(inputs: int, outputs: int, output: Output) -> nn.Module:
    """The output of the papers that print one sigmoid unit: that for two classes, a dense layer for all else.

    Two findings need two units: an image may show both, or neither.
    """
    return OneUnit(inputs) if output is Output.SOFTMAX and outputs == 2 else nn.Linear(inputs, outputs)


def dropped(x: Tensor, dropout: DropoutMasks | None, layer: int) -> Tensor:
    """Activations after dropout; as they are without masks."""
    return x if dropout is None else x * dropout[layer]


def dropout_masks(rate: float, images: int, units: Sequence[int], generator: torch.Generator) -> list[Tensor]:
    """Masks of a batch, float32 images × units: 0 with probability `rate`, else 1 / (1 - rate)."""
    return [(torch.rand(images, width, generator=generator) >= rate).float() / (1.0 - rate) for width in units]


def initialise_as_keras(network: nn.Module, generator: torch.Generator) -> None:
    """Glorot-uniform weights, zero biases, norms' scales of one: what Keras does when a paper prints nothing else."""
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter, generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)


def channels_last(weights: Tensor) -> Tensor:
    """Convolution weights, or moments of them, laid out in memory as the inputs are: faster on a CPU."""
    return weights.contiguous(memory_format=torch.channels_last) if weights.ndim == 4 else weights


def to_input(images: Tensor) -> Tensor:
    """Uint8 images N×H×W×3 as float32 N×3×H×W in [0, 1], channels last in memory: to be augmented, then normalised."""
    return images.permute(0, 3, 1, 2).float().div_(255.0)
