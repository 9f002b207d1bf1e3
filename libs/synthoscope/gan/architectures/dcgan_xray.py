"""The fifth seed paper's generator and discriminator for 64 px RGB images, its Table 1.

The printed parameters, 3,750,275 and 404,801, fix what the table leaves open: same padding, biases everywhere, and one
dropout before the last unit (the table's row prints it twice). The last layer is a sigmoid (row "Activities"); here its
images are moved from [0, 1] to [-1, 1] on the way out and back on the way in. The upsampling to 128 px is not the
network's: it belongs to what uses its images.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synthoscope.gan.layers import MinibatchDiscrimination, laid_like

BASE_SIDE = 8
LATENT = 100
LEAK = 0.2
DROPOUT = 0.2
FEATURES = BASE_SIDE**2 * 128


class Generator(nn.Module):
    """Makes images, float N×3×64×64 in [-1, 1], of latent vectors, N×100."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(LATENT, FEATURES)
        self.upsampling = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in ((128, 128), (128, 256), (256, 512))
        )
        self.to_rgb = nn.Conv2d(512, 3, 5, padding=2)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of latent vectors; labels do not count."""
        x = self.dense(latent).view(-1, 128, BASE_SIDE, BASE_SIDE)
        x = laid_like(x, self.upsampling[0].weight)  # type: ignore[arg-type]
        for stage in self.upsampling:
            x = F.leaky_relu(stage(x), LEAK)
        return 2 * torch.sigmoid(self.to_rgb(x)) - 1


class Discriminator(nn.Module):
    """Tells real images, float N×3×64×64 in [-1, 1], from generated ones."""

    def __init__(self, minibatch: bool = False) -> None:
        super().__init__()
        self.downsampling = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in ((3, 64), (64, 128), (128, 128)))
        self.features = FEATURES
        self.minibatch = MinibatchDiscrimination(FEATURES) if minibatch else None
        self.dense = nn.Linear(FEATURES + (self.minibatch.kernels if self.minibatch else 0), 1)

    def forward(self, images: Tensor, labels: Tensor | None = None, keep: Tensor | None = None) -> Tensor:
        """The logit, N, of an image being real. `keep` is the dropout mask, bool N×8192; None switches dropout off."""
        x = (images + 1) / 2
        for stage in self.downsampling:
            x = F.leaky_relu(stage(x), LEAK)
        x = x.flatten(1)
        if keep is not None:
            x = x * keep / (1 - DROPOUT)
        seen = x if self.minibatch is None else torch.cat([x, self.minibatch(x)], dim=1)
        logit: Tensor = self.dense(seen).squeeze(1)
        return logit
