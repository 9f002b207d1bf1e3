"""Small networks for the denoising-diffusion GAN (Xiao et al. 2022): a U-Net that guesses the clean image, a critic of
pairs of neighbouring noise levels.

The paper's generator is NCSN++ with attention (tens of millions of parameters). This one has its parts at a size that
a CPU can train: residual blocks with group norm whose scale and shift come from the latent vector and the noise level,
skips from each side of the encoder to the decoder.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.gan.architectures.sides import sides, widths

LATENT = 100
STYLE = 128
LEAK = 0.2


class StyledBlock(nn.Module):
    """Two 3×3 convolutions with a skip; a style, N×128, scales and shifts what the first one gets."""

    def __init__(self, inputs: int, outputs: int, normalised: bool) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, inputs, affine=False) if normalised else None
        self.modulate = nn.Linear(STYLE, 2 * inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """N×outputs×H×W."""
        scale, shift = self.modulate(style)[:, :, None, None].chunk(2, dim=1)
        y = x if self.norm is None else self.norm(x)
        y = self.first(F.leaky_relu(y * (1 + scale) + shift, LEAK))
        y = self.second(F.leaky_relu(y, LEAK))
        return (y + self.skip(x)) * 0.5**0.5


class Generator(nn.Module):
    """The clean image, float N×C×S×S in [-1, 1], of a noisy one, its level, int64 N, a latent vector and a label."""

    coarse_first = ("decoder",)

    def __init__(self, image_size: int, channels: int, width: int, levels: int, classes: int = 0) -> None:
        super().__init__()
        depth = tuple(reversed(widths(image_size, width)))
        self.latent = nn.Sequential(nn.Linear(LATENT, STYLE), nn.LeakyReLU(LEAK), nn.Linear(STYLE, STYLE))
        self.level = nn.Embedding(levels, STYLE)
        self.embedding = nn.Embedding(classes, STYLE) if classes else None
        self.enter = nn.Conv2d(channels, depth[0], 3, padding=1)
        self.encoder = nn.ModuleList(StyledBlock(a, b, True) for a, b in pairwise(depth))
        upward = tuple(reversed(depth))
        self.decoder = nn.ModuleList(StyledBlock(a + b, b, True) for a, b in pairwise(upward))
        self.leave = nn.Conv2d(depth[0], channels, 3, padding=1)

    def forward(self, noisy: Tensor, level: Tensor, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Guesses at the clean images."""
        style = self.latent(F.normalize(latent, dim=1) * LATENT**0.5) + self.level(level)
        if self.embedding is not None:
            style = style + self.embedding(labels)
        x = self.enter(noisy)
        skips = []
        for block in self.encoder:
            skips.append(x)
            x = block(F.avg_pool2d(x, 2), style)
        for block, skip in zip(self.decoder, reversed(skips), strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2), skip], dim=1), style)
        return torch.tanh(self.leave(x))


class Discriminator(nn.Module):
    """The logit, N, of a less noisy image being the real past of a noisier one, both N×C×S×S, at a level, int64 N."""

    def __init__(self, image_size: int, channels: int, width: int, levels: int, classes: int = 0) -> None:
        super().__init__()
        depth = tuple(reversed(widths(image_size, width)))
        self.level = nn.Embedding(levels, STYLE)
        self.enter = nn.Conv2d(2 * channels, depth[0], 3, padding=1)
        self.blocks = nn.ModuleList(StyledBlock(a, b, False) for a, b in pairwise(depth))
        self.features = depth[-1] * sides(image_size)[0] ** 2
        self.dense = nn.Linear(self.features, 1)
        self.embedding = nn.Embedding(classes, self.features) if classes else None

    def forward(self, clearer: Tensor, noisy: Tensor, level: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits of pairs."""
        style = self.level(level)
        x = self.enter(torch.cat([clearer, noisy], dim=1))
        for block in self.blocks:
            x = block(F.avg_pool2d(x, 2), style)
        x = F.leaky_relu(x, LEAK).flatten(1)
        logit: Tensor = self.dense(x).squeeze(1)
        if self.embedding is not None:
            logit = logit + (self.embedding(labels) * x).sum(1)
        return logit


def initialise(network: nn.Module, numbers: torch.Generator) -> None:
    """Draws a network's initial weights: uniform by Glorot's rule, biases zero, what the style adds starts small."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(module.weight, generator=numbers)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=numbers)
    if isinstance(network, Discriminator) and network.embedding is not None:
        nn.init.zeros_(network.embedding.weight)
