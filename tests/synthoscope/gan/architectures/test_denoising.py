"""The denoising-diffusion GAN's networks at some of its sizes."""

from itertools import pairwise

import pytest
import torch
from operations import operations, parameters

from synthoscope.gan.architectures.denoising import Discriminator, Generator

WIDTH, LATENT, STYLE, LEVELS = 8, 100, 128, 4

STAGES = {
    28: [(8, 28), (16, 14), (32, 7)],
    96: [(8, 96), (16, 48), (32, 24), (64, 12), (64, 6)],
    256: [(8, 256), (16, 128), (32, 64), (64, 32), (64, 16), (64, 8), (64, 4)],
    512: [(8, 512), (16, 256), (32, 128), (64, 64), (64, 32), (64, 16), (64, 8), (64, 4)],
}
"""Channels and side of the feature maps on the way down, by the image's side in pixels."""


def conv(kernel, inputs, outputs):
    return kernel * kernel * inputs * outputs + outputs


def block(inputs, outputs, side, normalised):
    """A style that scales and shifts, two convolutions, and a skip."""
    into, out = (inputs, side, side), (outputs, side, side)
    norm = [("group_norm", into)] if normalised else []
    convolutions = [("leaky_relu", into), ("conv2d", out), ("leaky_relu", out), ("conv2d", out), ("conv2d", out)]
    return [("linear", (2 * inputs,)), *norm, *convolutions]


def numbers_of_block(inputs, outputs):
    modulation = STYLE * 2 * inputs + 2 * inputs
    return modulation + conv(3, inputs, outputs) + conv(3, outputs, outputs) + inputs * outputs


def style():
    return [("linear", (STYLE,)), ("leaky_relu", (STYLE,)), ("linear", (STYLE,))]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", STAGES)
def test_the_generator_goes_down_and_up_again_with_skips(size, channels):
    with torch.device("meta"):
        network = Generator(size, channels, WIDTH, LEVELS)
        images, levels = torch.empty(2, channels, size, size), torch.zeros(2, dtype=torch.long)
        found = operations(network, images, levels, torch.empty(2, LATENT))
    down = STAGES[size]
    expected, count = [], (LATENT + 1) * STYLE + (STYLE + 1) * STYLE + LEVELS * STYLE
    for (width, _), (deeper, side) in pairwise(down):
        expected += [("avg_pool2d", (width, side, side)), *block(width, deeper, side, True)]
        count += numbers_of_block(width, deeper)
    for (deeper, _), (width, side) in pairwise(reversed(down)):
        expected += [("interpolate", (deeper, side, side)), *block(deeper + width, width, side, True)]
        count += numbers_of_block(deeper + width, width)
    enter, image = ("conv2d", (WIDTH, size, size)), (channels, size, size)
    assert found == [*style(), enter, *expected, ("conv2d", image), ("tanh", image)]
    assert parameters(network) == count + conv(3, channels, WIDTH) + conv(3, WIDTH, channels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", STAGES)
def test_the_discriminator_sees_both_images_of_a_pair(size, channels):
    with torch.device("meta"):
        network = Discriminator(size, channels, WIDTH, LEVELS)
        images, levels = torch.empty(2, channels, size, size), torch.zeros(2, dtype=torch.long)
        found = operations(network, images, images, levels)
    down = STAGES[size]
    expected, count = [("conv2d", (WIDTH, size, size))], LEVELS * STYLE + conv(3, 2 * channels, WIDTH)
    for (width, _), (deeper, side) in pairwise(down):
        expected += [("avg_pool2d", (width, side, side)), *block(width, deeper, side, False)]
        count += numbers_of_block(width, deeper)
    deepest, base = down[-1]
    assert found == [*expected, ("leaky_relu", (deepest, base, base)), ("linear", (1,))]
    assert parameters(network) == count + deepest * base**2 + 1
