"""The first seed paper's generator and discriminator.

Printed in the paper: the generator's dense layer, reshape to 16×16×256, three transposed convolutions of 128, 64 and 32
filters, last convolution of 3 filters with tanh; the discriminator's convolutions of 32, then 64, 128 and 256 filters
with stride 2, flattening, dropout 0.4 and one sigmoid unit; LeakyReLU throughout; no normalisation layers.

Not printed, and chosen here for both presets:

- latent size 100, drawn from the standard normal distribution;
- transposed convolutions: kernel 4, stride 2, padding 1. Each doubles the side, and a kernel that the stride divides
  leaves no chequerboard;
- convolutions: kernel 3, padding 1; the discriminator's first one has stride 1;
- LeakyReLU slope 0.2;
- weights uniform by Glorot's rule, biases zero (the defaults of Keras, whose layer names the paper uses).

Presets: "dcgan-128" makes 128×128 pixels. "dcgan-64" has one upsampling stage fewer: the transposed convolution of 32
filters is left out, and the image is 64×64 pixels. The discriminator has the same layers in both.

Conditioning on the class (not in the paper): the generator gets the latent vector joined to a learned embedding of the
class, 32 numbers. The discriminator adds the inner product of its flattened features, after dropout, and a learned
embedding of the class to the logit (projection discriminator, Miyato & Koyama 2018); that embedding starts at zero, so
training starts as that of an unconditional discriminator.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from synthoscope.gan.layers import MinibatchDiscrimination, laid_like

LATENT_SIZE = 100
CLASS_EMBEDDING = 32
LEAK = 0.2
DROPOUT = 0.4
BASE_SIDE = 16
BASE_CHANNELS = 256
UPSAMPLING = {128: (128, 64, 32), 64: (128, 64)}
"""Filters of the transposed convolutions, by the image's side in pixels."""
DOWNSAMPLING = (64, 128, 256)


class Generator(nn.Module):
    """Makes images, float N×3×S×S in [-1, 1], of latent vectors, N×100; with `classes` > 0 also of labels, int64 N."""

    def __init__(self, upsampling: Sequence[int], classes: int = 0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, CLASS_EMBEDDING) if classes else None
        latent = LATENT_SIZE + (CLASS_EMBEDDING if classes else 0)
        self.dense = nn.Linear(latent, BASE_SIDE * BASE_SIDE * BASE_CHANNELS)
        widths = (BASE_CHANNELS, *upsampling)
        stages = [nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths)]
        self.upsampling = nn.ModuleList(stages)
        self.to_rgb = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of latent vectors."""
        if self.embedding is not None:
            latent = torch.cat([latent, self.embedding(labels)], dim=1)
        x = _leaky(self.dense(latent)).view(-1, BASE_CHANNELS, BASE_SIDE, BASE_SIDE)
        x = laid_like(x, self.upsampling[0].weight)  # type: ignore[arg-type]
        for stage in self.upsampling:
            x = _leaky(stage(x))
        return torch.tanh(self.to_rgb(x))


class Discriminator(nn.Module):
    """Tells real images, float N×3×S×S in [-1, 1], from generated ones; with `classes` > 0 given labels, int64 N."""

    def __init__(self, image_size: int, classes: int = 0, minibatch: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3, padding=1)
        widths = (32, *DOWNSAMPLING)
        stages = [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths)]
        self.downsampling = nn.ModuleList(stages)
        self.features = feature_count(image_size)
        self.minibatch = MinibatchDiscrimination(self.features) if minibatch else None
        self.dense = nn.Linear(self.features + (self.minibatch.kernels if self.minibatch else 0), 1)
        self.embedding = nn.Embedding(classes, self.features) if classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """The logit, N, of an image being real: its sigmoid is the paper's last unit, and the loss takes it from here.

        `keep` is the dropout mask, bool N×features (`dropout_mask`); None switches dropout off.
        """
        x = _leaky(self.first(images))
        for stage in self.downsampling:
            x = _leaky(stage(x))
        x = x.flatten(1)
        if keep is not None:
            x = x * keep / (1 - DROPOUT)
        seen = x if self.minibatch is None else torch.cat([x, self.minibatch(x)], dim=1)
        logit: Tensor = self.dense(seen).squeeze(1)
        if self.embedding is not None:
            logit = logit + (self.embedding(labels) * x).sum(1)
        return logit


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draws a network's initial weights as the module says."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            if isinstance(network, Discriminator):
                nn.init.zeros_(module.weight)
            else:
                nn.init.normal_(module.weight, generator=generator)


def feature_count(image_size: int) -> int:
    """Numbers that the discriminator's flattening gives, for images of this side in pixels."""
    side: int = image_size // 2 ** len(DOWNSAMPLING)
    return side * side * DOWNSAMPLING[-1]


def _leaky(x: Tensor) -> Tensor:
    return nn.functional.leaky_relu(x, LEAK)
