import pytest
import torch

from synthoscope.classifier.networks import build_network, to_input
from synthoscope.classifier.networks.network import dropout_masks
from synthoscope.training.randomness import torch_generator


@pytest.mark.parametrize(("preset", "side", "cells", "parameters"), [
    ("cnn-128", 128, 28, 1_662_596),
    ("cnn-64", 64, 12, 351_876),
])  # fmt: skip
def test_the_layers_are_the_papers(preset, side, cells, parameters):
    network = build_network(preset, 4)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    images = to_input(torch.zeros(2, side, side, 3, dtype=torch.uint8))
    assert network.features(images).shape == (2, 64, cells, cells)
    assert network(images).shape == (2, 4)


def test_features_and_head_make_the_network():
    network = build_network("cnn-64", 4)
    images = torch.rand(3, 3, 64, 64)
    assert torch.equal(network.head(network.features(images)), network(images))


def test_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    first = build_network("cnn-64", 4, seed=5).state_dict()
    torch.manual_seed(2)
    again = build_network("cnn-64", 4, seed=5).state_dict()
    other = build_network("cnn-64", 4, seed=6).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["dense.weight"], other["dense.weight"])
    assert not first["dense.bias"].any()


def test_images_become_channels_last_floats_between_0_and_1():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).expand(1, 2, 2, 3)
    x = to_input(images.contiguous())
    assert x.shape == (1, 3, 2, 2)
    assert x[0, :, 0, 0].tolist() == pytest.approx([0.0, 0.2, 1.0])
    assert x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("cell", [0, 5, 11])
def test_a_cell_looks_where_cell_start_and_stride_say(cell):
    network = build_network("cnn-64", 2)
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    network.features(x)[0, :, cell, cell].sum().backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    # Max pooling takes single paths, so the reach is seen in full only over many of them.
    assert rows.float().mean().item() == pytest.approx(network.cell_start + cell * network.cell_stride, abs=1.5)
    assert rows.max() - rows.min() < 18


def test_dropout_keeps_the_expected_activation():
    first, second = dropout_masks(0.5, 1000, (128, 32), torch_generator(1, "dropout", 3))
    assert (first.shape, second.shape) == ((1000, 128), (1000, 32))
    assert set(first.unique().tolist()) == {0.0, 2.0}
    assert first.mean().item() == pytest.approx(1.0, abs=0.02)
    assert torch.equal(first, dropout_masks(0.5, 1000, (128, 32), torch_generator(1, "dropout", 3))[0])
    assert torch.equal(dropout_masks(0.0, 2, (128,), torch_generator(1))[0], torch.ones(2, 128))
