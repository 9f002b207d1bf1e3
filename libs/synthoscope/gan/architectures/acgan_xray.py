"""The fourth seed paper's generator and discriminator for 64 px RGB images of two classes, as its program prints them.

The printed program asks for kernel size 1, but its printed layer tables have the parameters of kernel size 5
(19,616,963 and 5,289,539), and so has this. Its indentation is lost; the tables say that layer norm and ReLU come
before each of the four transposed convolutions and that the fifth, to RGB, follows without. Images lie in [0, 1] there,
the last layer being a sigmoid; here they are moved to [-1, 1] on the way out and back on the way in.

Weights are uniform by Glorot's rule, biases zero, layer norm's epsilon is 1e-3: the defaults of Keras.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.gan.layers import MinibatchDiscrimination

KERNEL = 5
BASE_SIDE = 8
FILTERS = (256, 128, 64, 32)
LEAK = 0.2
DROPOUT = 0.3
CLASS_FEATURES = 256
FEATURES = BASE_SIDE**2 * FILTERS[0]


class Generator(nn.Module):
    """Makes images, float N×3×64×64 in [-1, 1], of latent vectors, N×100, and labels, int64 N."""

    def __init__(self, latent: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.hidden = nn.Linear(latent + classes, 1024)
        self.dense = nn.Linear(1024, FEATURES)
        inputs = (FILTERS[0], *FILTERS[:-1])
        self.norms = nn.ModuleList(ChannelNorm(channels) for channels in inputs)
        self.upsampling = nn.ModuleList(
            nn.ConvTranspose2d(a, b, KERNEL, 2, 2, output_padding=1)
            if b >= 64
            else nn.ConvTranspose2d(a, b, KERNEL, 1, 2)
            for a, b in zip(inputs, FILTERS, strict=True)
        )
        self.to_rgb = nn.ConvTranspose2d(FILTERS[-1], 3, KERNEL, 1, 2)

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        """Images of latent vectors and classes."""
        joined = torch.cat([latent, F.one_hot(labels, self.classes).to(latent.dtype)], dim=1)
        x = self.dense(self.hidden(joined)).view(-1, FILTERS[0], BASE_SIDE, BASE_SIDE)
        for norm, stage in zip(self.norms, self.upsampling, strict=True):
            x = stage(F.relu(norm(x)))
        return 2 * torch.sigmoid(self.to_rgb(x)) - 1


class Discriminator(nn.Module):
    """Realness and class of images, float N×3×64×64 in [-1, 1]."""

    def __init__(self, classes: int, minibatch: bool = False) -> None:
        super().__init__()
        widths = (3, *reversed(FILTERS))
        self.downsampling = nn.ModuleList(
            nn.Conv2d(a, b, KERNEL, 2 if b < FILTERS[0] else 1, 2) for a, b in pairwise(widths)
        )
        self.minibatch = MinibatchDiscrimination(FEATURES) if minibatch else None
        self.realness = nn.Linear(FEATURES + (self.minibatch.kernels if self.minibatch else 0), 1)
        self.class_hidden = nn.Linear(FEATURES, CLASS_FEATURES)
        self.class_head = nn.Linear(CLASS_FEATURES, classes)

    def forward(self, images: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Realness, N, 1 for real and 0 for generated; the classes' logits, N×classes.

        `keep` is the class head's dropout mask, bool N×256; None switches dropout off.
        """
        x = (images + 1) / 2
        for stage in self.downsampling:
            x = F.leaky_relu(stage(x), LEAK)
        x = x.flatten(1)
        hidden = self.class_hidden(x)
        if keep is not None:
            hidden = hidden * keep / (1 - DROPOUT)
        seen = x if self.minibatch is None else torch.cat([x, self.minibatch(x)], dim=1)
        return self.realness(seen).squeeze(1), self.class_head(hidden)


class ChannelNorm(nn.Module):
    """Layer normalisation of each pixel over its channels, as Keras's of N×H×W×C."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised activations, N×C×H×W."""
        rows = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, eps=1e-3)
        return rows.permute(0, 3, 1, 2)


def initialise(network: nn.Module, numbers: torch.Generator) -> None:
    """Draws a network's initial weights as the module says; also those of the fifth seed paper's."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight, generator=numbers)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
