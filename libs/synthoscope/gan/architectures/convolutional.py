"""The DCGAN of Radford et al. 2016 for any size: what the third seed paper describes and its comparison varies.

Generator: dense layer, reshape, transposed convolutions (kernel 4, stride 2) with batch norm and ReLU, tanh.
Discriminator: convolutions (kernel 4, stride 2) with LeakyReLU 0.2, flattening, one dense unit; between them batch norm
but in the first layer, spectral norm, or nothing, as the family says. Weights are normal with deviation 0.02.

The third seed paper prints the kinds and order of the layers, no sizes: `width` and latent size 100 are chosen here.
Conditioning on the class is that of the first paper's preset: an embedding joined to the latent vector, a projection in
the discriminator that starts at zero.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.gan.architectures.sides import sides, widths
from synthoscope.gan.layers import BatchNorm, MinibatchDiscrimination, laid_like

CLASS_EMBEDDING = 32
LEAK = 0.2
DEVIATION = 0.02


class Generator(nn.Module):
    """Makes images, float N×C×S×S in [-1, 1], of latent vectors, N×L; with `classes` > 0 also of labels, int64 N."""

    coarse_first = ("norms", "upsampling")

    def __init__(self, image_size: int, channels: int, width: int, latent: int, classes: int = 0) -> None:
        super().__init__()
        self.base = sides(image_size)[0]
        # The image takes the place of the last feature maps.
        depth = widths(image_size, width)[:-1]
        self.embedding = nn.Embedding(classes, CLASS_EMBEDDING) if classes else None
        joined = latent + (CLASS_EMBEDDING if classes else 0)
        self.dense = nn.Linear(joined, depth[0] * self.base**2, bias=False)
        self.norms = nn.ModuleList(BatchNorm(channels) for channels in depth)
        self.upsampling = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in pairwise(depth))
        self.to_image = nn.ConvTranspose2d(depth[-1], channels, 4, 2, 1)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of latent vectors."""
        if self.embedding is not None:
            latent = torch.cat([latent, self.embedding(labels)], dim=1)
        x = self.dense(latent).view(len(latent), -1, self.base, self.base)
        x = laid_like(x, self.upsampling[0].weight)  # type: ignore[arg-type]
        x = F.relu(self.norms[0](x))
        for stage, norm in zip(self.upsampling, list(self.norms)[1:], strict=True):
            x = F.relu(norm(stage(x)))
        return torch.tanh(self.to_image(x))


class Discriminator(nn.Module):
    """Scores images, float N×C×S×S in [-1, 1]; with `classes` > 0 given labels, int64 N."""

    def __init__(
        self,
        image_size: int,
        channels: int,
        width: int,
        classes: int = 0,
        batch_norm: bool = False,
        minibatch: bool = False,
    ) -> None:
        super().__init__()
        depth = (channels, *reversed(widths(image_size, width)[:-1]))
        self.downsampling = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(depth))
        self.norms = nn.ModuleList(BatchNorm(c) for c in depth[2:]) if batch_norm else None
        self.features = depth[-1] * sides(image_size)[0] ** 2
        self.minibatch = MinibatchDiscrimination(self.features) if minibatch else None
        self.dense = nn.Linear(self.features + (self.minibatch.kernels if self.minibatch else 0), 1)
        self.embedding = nn.Embedding(classes, self.features) if classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """The score, N: a logit where the loss takes it for one."""
        return self.score(self.extract(images), labels)

    def extract(self, images: Tensor) -> Tensor:
        """Features of images, N×F."""
        x = images
        for number, stage in enumerate(self.downsampling):
            x = stage(x)
            if self.norms is not None and number > 0:
                x = self.norms[number - 1](x)
            x = F.leaky_relu(x, LEAK)
        return x.flatten(1)

    def score(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """The score, N, of features."""
        seen = features if self.minibatch is None else torch.cat([features, self.minibatch(features)], dim=1)
        score: Tensor = self.dense(seen).squeeze(1).float()
        if self.embedding is not None:
            score = score + (self.embedding(labels) * features).sum(1)
        return score


class CodeReader(Discriminator):
    """InfoGAN's discriminator: a second head, dense 128 with batch norm, reads the codes back from the features."""

    def __init__(self, codes: int, image_size: int, channels: int, width: int, classes: int, minibatch: bool) -> None:
        super().__init__(image_size, channels, width, classes, batch_norm=True, minibatch=minibatch)
        self.hidden = nn.Linear(self.features, 128)
        self.hidden_norm = BatchNorm(128)
        self.codes = nn.Linear(128, codes)

    def read(self, features: Tensor) -> Tensor:
        """What the codes of features' images look like, N×codes."""
        read: Tensor = self.codes(F.leaky_relu(self.hidden_norm(self.hidden(features)), LEAK))
        return read.float()


def initialise(network: nn.Module, numbers: torch.Generator) -> None:
    """Draws a network's initial weights as the module says; batch norms keep theirs."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0, DEVIATION, generator=numbers)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding) and isinstance(network, Discriminator):
            nn.init.zeros_(module.weight)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=numbers)
