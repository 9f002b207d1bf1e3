import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from synthoscope.gan import layers
from synthoscope.gan.layers import BatchNorm, SpectralNorm
from synthoscope.training.parallel import World


def test_batch_norm_is_torchs():
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3)
    x = torch.randn(4, 3, 5, 5) * 2 + 1
    torch.testing.assert_close(ours(x), theirs(x))
    layers.settle(ours, World())
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_variance, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_batch_norm_takes_the_mean_over_passes_and_shards_once_a_step():
    norm = BatchNorm(1)
    for shard, value in [(0, 1.0), (0, 3.0), (1, 10.0)]:
        layers.enter_shard(norm, shard)
        norm(torch.full((2, 1), value))
    assert norm.running_mean.item() == 0
    layers.settle(norm, World())
    assert norm.running_mean.item() == pytest.approx(0.1 * (2 + 10) / 2)
    layers.settle(norm, World())
    assert norm.running_mean.item() == pytest.approx(0.6)


def test_an_image_does_not_depend_on_those_beside_it_in_evaluation():
    norm = BatchNorm(2).eval()
    x = torch.randn(3, 2)
    torch.testing.assert_close(norm(x)[:1], norm(x[:1]))


def test_spectral_norm_finds_the_largest_singular_value():
    weight = torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    norm = SpectralNorm(weight, torch.Generator().manual_seed(0))
    norm.iterate(weight, 200)
    largest = torch.linalg.svdvals(weight.flatten(1))[0]
    torch.testing.assert_close(norm(weight), weight / largest)


def test_spectral_norm_moves_with_steps_and_not_with_passes():
    network = nn.Sequential(nn.Linear(4, 3))
    layers.spectrally_normalise(network, torch.Generator().manual_seed(0))
    before = network[0].weight.clone()
    for _ in range(3):
        network(torch.randn(2, 4))
    torch.testing.assert_close(network[0].weight, before, rtol=0, atol=0)
    parametrizations = network[0].parametrizations.weight
    with torch.no_grad():
        parametrizations.original.copy_(torch.randn(3, 4))
    for _ in range(200):
        layers.settle(network, World())
    assert torch.linalg.matrix_norm(network[0].weight, 2).item() == pytest.approx(1, rel=1e-4)


def test_every_dense_and_convolutional_layer_is_normalised():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2, 1), nn.Embedding(2, 2))
    layers.spectrally_normalise(network, torch.Generator().manual_seed(0))
    assert [parametrize.is_parametrized(module) for module in network] == [True, False, True, False]


def test_minibatch_discrimination_by_hand():
    layer = layers.MinibatchDiscrimination(2, kernels=1, dimensions=2)
    nn.init.eye_(layer.projection.weight)
    found = layer(torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))
    two, one = F.softmax(torch.zeros(1), 0) * torch.exp(torch.tensor(-2.0)), torch.exp(torch.tensor(-1.0))
    torch.testing.assert_close(found.flatten(), torch.stack([two[0] + one, two[0] + one, one + one]))
