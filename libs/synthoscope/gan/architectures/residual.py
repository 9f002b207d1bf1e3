"""R3GAN's networks (Huang et al. 2024), dense and narrow so that two CPU cores can train them.

Blocks are residual bottlenecks, 1×1, 3×3, 1×1, without any normalisation; the last convolution of each starts at zero
and the others are scaled down by the number of blocks (Fixup, Zhang et al. 2019). The paper's 3×3 convolutions are
grouped and wide; grouped ones are several times slower on a CPU, so these are dense, with half the block's channels.
One block a side instead of two, mean pooling instead of its resampling filter.

The condition on the class is weighed by a strength in [0, 1], a buffer, which training ramps up from zero: small sets
make conditional GANs collapse that learn the condition from the start (Shahbazi et al. 2022).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.gan.architectures.sides import sides, widths
from synthoscope.gan.layers import MinibatchDiscrimination

LATENT = 64
CLASS_EMBEDDING = 32
LEAK = 0.2
BLOCKS = 5
"""Blocks, about, that Fixup counts with: a fixed number, so that the initial scale is that of every size."""


class Block(nn.Module):
    """x + three convolutions of x, N×C×H×W."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.enter = nn.Conv2d(channels, inner, 1)
        self.middle = nn.Conv2d(inner, inner, 3, padding=1)
        self.leave = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        y = F.leaky_relu(self.enter(x), LEAK)
        y = F.leaky_relu(self.middle(y), LEAK)
        sum_: Tensor = x + self.leave(y)
        return sum_


class Generator(nn.Module):
    """Makes images, float N×C×S×S, of latent vectors, N×64; with `classes` > 0 also of labels, int64 N.

    The last layer is linear, as in the paper: values beyond [-1, 1] are cut off when they become pixels.
    """

    strength: Tensor
    coarse_first = ("blocks", "transitions")

    def __init__(self, image_size: int, channels: int, width: int, classes: int = 0) -> None:
        super().__init__()
        depth, base = widths(image_size, width), sides(image_size)[0]
        self.embedding = nn.Embedding(classes, CLASS_EMBEDDING) if classes else None
        self.register_buffer("strength", torch.ones(()))
        self.dense = nn.Linear(LATENT + (CLASS_EMBEDDING if classes else 0), depth[0], bias=False)
        self.basis = nn.Parameter(torch.empty(depth[0], base, base))
        self.blocks = nn.ModuleList(Block(channels) for channels in depth)
        self.transitions = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in pairwise(depth))
        self.to_image = nn.Conv2d(depth[-1], channels, 1)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of latent vectors."""
        if self.embedding is not None:
            latent = torch.cat([latent, self.strength * self.embedding(labels)], dim=1)
        x = self.blocks[0](self.basis * self.dense(latent)[:, :, None, None])
        for block, transition in zip(list(self.blocks)[1:], self.transitions, strict=True):
            x = F.interpolate(transition(x), scale_factor=2, mode="bilinear")
            x = block(x)
        image: Tensor = self.to_image(x)
        return image


class Discriminator(nn.Module):
    """The logit, N, of images, float N×C×S×S, being real; with `classes` > 0 given labels, int64 N."""

    strength: Tensor

    def __init__(self, image_size: int, channels: int, width: int, classes: int = 0, minibatch: bool = False) -> None:
        super().__init__()
        depth, base = tuple(reversed(widths(image_size, width))), sides(image_size)[0]
        self.register_buffer("strength", torch.ones(()))
        self.from_image = nn.Conv2d(channels, depth[0], 1)
        self.blocks = nn.ModuleList(Block(channels) for channels in depth)
        self.transitions = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in pairwise(depth))
        self.basis = nn.Conv2d(depth[-1], depth[-1], base, groups=depth[-1], bias=False)
        self.minibatch = MinibatchDiscrimination(depth[-1]) if minibatch else None
        self.dense = nn.Linear(depth[-1] + (self.minibatch.kernels if self.minibatch else 0), 1)
        self.embedding = nn.Embedding(classes, depth[-1]) if classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits of images."""
        x = self.blocks[0](self.from_image(images))
        for block, transition in zip(list(self.blocks)[1:], self.transitions, strict=True):
            x = block(transition(F.avg_pool2d(x, 2)))
        x = self.basis(x).flatten(1)
        seen = x if self.minibatch is None else torch.cat([x, self.minibatch(x)], dim=1)
        logit: Tensor = self.dense(seen).squeeze(1)
        if self.embedding is not None:
            logit = logit + self.strength * (self.embedding(labels) * x).sum(1)
        return logit


def initialise(network: nn.Module, numbers: torch.Generator) -> None:
    """Draws a network's initial weights: normal by He's rule for what a LeakyReLU follows, by Glorot's elsewhere."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.normal_(module.weight, 0, module.weight[0].numel() ** -0.5, generator=numbers)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=numbers)
    if isinstance(network, Generator):
        nn.init.normal_(network.basis, generator=numbers)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Block):
                scale = nn.init.calculate_gain("leaky_relu", LEAK) * BLOCKS**-0.25
                module.enter.weight.mul_(scale)
                module.middle.weight.mul_(scale)
                module.leave.weight.zero_()
        if isinstance(network, Discriminator) and network.embedding is not None:
            network.embedding.weight.zero_()
