"""The default preset's networks at some of its sizes."""

import pytest
import torch
from operations import operations, parameters

from synthoscope.gan.architectures.residual import Discriminator, Generator

WIDTH, LATENT = 32, 64

STAGES = {
    28: [(128, 7), (64, 14), (32, 28)],
    96: [(256, 6), (256, 12), (128, 24), (64, 48), (32, 96)],
    160: [(256, 5), (256, 10), (256, 20), (128, 40), (64, 80), (32, 160)],
    256: [(256, 4), (256, 8), (256, 16), (256, 32), (128, 64), (64, 128), (32, 256)],
    512: [(256, 4), (256, 8), (256, 16), (256, 32), (256, 64), (128, 128), (64, 256), (32, 512)],
}
"""Channels and side of the blocks, by the image's side in pixels."""


def block(channels, side):
    """A bottleneck of half the channels."""
    inner = (channels // 2, side, side)
    return [("conv2d", inner), ("leaky_relu", inner)] * 2 + [("conv2d", (channels, side, side))]


def numbers_of_block(channels):
    inner = channels // 2
    return channels * inner + inner + 9 * inner**2 + inner + inner * channels


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", STAGES)
def test_the_generator_is_a_scaled_basis_and_a_block_for_each_side(size, channels):
    with torch.device("meta"):
        network = Generator(size, channels, WIDTH)
        found = operations(network, torch.empty(2, LATENT))
    (width, base), *stages = STAGES[size]
    expected, count = [("linear", (width,)), *block(width, base)], LATENT * width + width * base**2
    count += numbers_of_block(width)
    for filters, side in stages:
        expected += [("conv2d", (filters, side // 2, side // 2)), ("interpolate", (filters, side, side))]
        expected += block(filters, side)
        count += width * filters + numbers_of_block(filters)
        width = filters
    assert found == [*expected, ("conv2d", (channels, size, size))]
    assert parameters(network) == count + width * channels + channels


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", STAGES)
def test_the_discriminator_is_a_block_for_each_side_down_to_a_vector(size, channels):
    with torch.device("meta"):
        network = Discriminator(size, channels, WIDTH)
        found = operations(network, torch.empty(2, channels, size, size))
    (width, _), *stages = reversed(STAGES[size])
    expected, count = [("conv2d", (width, size, size)), *block(width, size)], channels * width + width
    count += numbers_of_block(width)
    for filters, side in stages:
        expected += [("avg_pool2d", (width, side, side)), ("conv2d", (filters, side, side)), *block(filters, side)]
        count += width * filters + numbers_of_block(filters)
        width = filters
    assert found == [*expected, ("conv2d", (width, 1, 1)), ("linear", (1,))]
    assert parameters(network) == count + width * stages[-1][1] ** 2 + width + 1
