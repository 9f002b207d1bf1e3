"""Layers with state besides weights, which changes once a step and not with each pass, so that workers agree on it.

A worker that is alone passes two shards, two workers one each: what a pass changed would differ between them. `settle`
therefore takes the mean over shards and workers at the step's end. The mean of two is the same number either way.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from synthoscope.training.parallel import World
from synthoscope.training.precision import full_precision

FIRST_ITERATIONS = 15
"""Power iterations on the initial weights, as torch.nn.utils.parametrizations.spectral_norm makes."""


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015) of N×C or N×C×H×W by the statistics of the shard.

    In evaluation it uses running means, which forget a tenth with each step.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_variance", torch.ones(channels))
        self.shard = 0
        self._seen: dict[int, list[Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Normalised activations."""
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_variance, self.weight, self.bias)
        with torch.no_grad():
            variance, mean = torch.var_mean(x.float(), [dim for dim in range(x.dim()) if dim != 1])
        self._seen.setdefault(self.shard, []).append(torch.stack([mean, variance]))
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True)

    def settle(self, world: World) -> None:
        """Moves the running statistics towards the means of all passes since the last call."""
        shards = [torch.stack(passes).mean(0) for passes in self._seen.values()]
        self._seen.clear()
        if shards:
            statistics = torch.stack(shards).mean(0)
            world.average_tensors([statistics])
            self.running_mean.lerp_(statistics[0], 0.1)
            self.running_variance.lerp_(statistics[1], 0.1)


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value (Miyato et al. 2018), which power iteration follows.

    The reference implementation iterates with each pass; this one with each step.
    """

    left: Tensor
    right: Tensor

    def __init__(self, weight: Tensor, numbers: torch.Generator) -> None:
        super().__init__()
        left = torch.randn(weight.shape[0], generator=numbers)
        self.register_buffer("left", F.normalize(left, dim=0))
        self.register_buffer("right", torch.empty(weight[0].numel()))
        self.iterate(weight, FIRST_ITERATIONS)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with spectral norm 1."""
        with full_precision(weight.device):
            return weight / (self.left @ weight.flatten(1) @ self.right)

    @torch.no_grad()
    def iterate(self, weight: Tensor, times: int = 1) -> None:
        """Power iterations: `left` and `right` come nearer to the weight's first singular vectors."""
        matrix = weight.flatten(1)
        for _ in range(times):
            self.right.copy_(F.normalize(matrix.T @ self.left, dim=0))
            self.left.copy_(F.normalize(matrix @ self.right, dim=0))


class MinibatchDiscrimination(nn.Module):
    """How near each image's features, N×F, are to those of the others of its shard (Salimans et al. 2016): N×B.

    Joined to the features, it shows the discriminator a generator that makes one image only.
    """

    def __init__(self, features: int, kernels: int = 16, dimensions: int = 8) -> None:
        super().__init__()
        self.kernels, self.dimensions = kernels, dimensions
        self.projection = nn.Linear(features, kernels * dimensions, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Sums of exp(-L1 distance) over the other images, for each kernel."""
        rows = self.projection(features).float().view(-1, self.kernels, self.dimensions)
        distances = (rows.unsqueeze(0) - rows.unsqueeze(1)).abs().sum(3)
        return torch.exp(-distances).sum(1) - 1


def spectrally_normalise(network: nn.Module, numbers: torch.Generator) -> None:
    """Gives every dense and convolutional layer of a network spectral norm 1."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight.detach(), numbers))


def laid_like(x: Tensor, weight: Tensor) -> Tensor:
    """N×C×H×W as a convolution's weight lies in memory: with its channels last, or first."""
    last = weight.is_contiguous(memory_format=torch.channels_last)
    return x.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def enter_shard(network: nn.Module, shard: int) -> None:
    """Says which shard the next passes belong to."""
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.shard = shard


def settle(network: nn.Module, world: World) -> None:
    """Ends a step: brings up to date what changes once a step, alike on all workers."""
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.settle(world)
    for norm, weight in _spectral_norms(network):
        norm.iterate(weight)


def _spectral_norms(network: nn.Module) -> Iterator[tuple[SpectralNorm, Tensor]]:
    for module in network.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrizations = module.parametrizations.weight  # type: ignore[union-attr]
            yield parametrizations[0], parametrizations.original  # type: ignore[index,misc,union-attr]
