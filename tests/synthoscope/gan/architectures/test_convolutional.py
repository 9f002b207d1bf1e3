"""The third seed paper's networks: what it prints of them, and the sizes that are chosen here."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from gan_runs import Recorder
from operations import operations, parameters
from torch.nn.utils import parametrize

from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.layers import SpectralNorm
from synthoscope.gan.loop import train

pytestmark = pytest.mark.usefixtures("one_thread")

STAGES = {
    256: [(256, 4), (256, 8), (256, 16), (256, 32), (128, 64), (64, 128)],
    512: [(256, 4), (256, 8), (256, 16), (256, 32), (256, 64), (128, 128), (64, 256)],
}
"""Channels and side of the feature maps between the dense layer and the image, by the image's side in pixels."""


def configuration(size, **changes):
    return GanConfig("sngan-mri", epochs=1, **{"image_size": size} | changes)


def of_paper(size, channels=3):
    """Both networks at the default width, without memory for their weights."""
    with torch.device("meta"):
        return family_of(configuration(size, channels=channels), 0).networks()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", STAGES)
def test_the_generator_is_dense_then_transposed_convolutions_with_batch_norm_and_relu(size, channels):
    network = of_paper(size, channels).generator
    first, *stages = [(filters, side, side) for filters, side in STAGES[size]]
    image = (channels, size, size)
    expected = [("linear", (256 * 4 * 4,)), ("batch_norm", first), ("relu", first)]
    for shape in stages:
        expected += [("conv_transpose2d", shape), ("batch_norm", shape), ("relu", shape)]
    expected += [("conv_transpose2d", image), ("tanh", image)]
    assert operations(network, torch.empty(2, 100, device="meta")) == expected


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", STAGES)
def test_the_discriminator_is_convolutions_with_leaky_relu_then_one_dense_unit(size, channels):
    network = of_paper(size, channels).discriminator
    expected = []
    for filters, side in reversed(STAGES[size]):
        expected += [("conv2d", (filters, side, side)), ("leaky_relu", (filters, side, side))]
    images = torch.empty(2, channels, size, size, device="meta")
    assert operations(network, images) == [*expected, ("linear", (1,))]


@pytest.mark.parametrize(
    ("size", "generator", "discriminator"), [(256, 4_216_195, 3_809_473), (512, 5_265_283, 4_858_305)]
)
def test_parameters(size, generator, discriminator):
    networks, filters = of_paper(size), [filters for filters, _ in STAGES[size]]
    kernels = sum(16 * a * b for a, b in pairwise(filters))
    # A dense layer without bias; two numbers for each channel of a batch norm; a bias where none follows.
    assert parameters(networks.generator) == 100 * 4096 + kernels + 2 * sum(filters) + 16 * 64 * 3 + 3
    assert parameters(networks.discriminator) == 16 * 3 * 64 + kernels + sum(filters) + 4096 + 1
    assert (parameters(networks.generator), parameters(networks.discriminator)) == (generator, discriminator)


def test_strides_and_kernels():
    networks = of_paper(256)
    for stage in [*networks.generator.upsampling, networks.generator.to_image, *networks.discriminator.downsampling]:
        assert (stage.kernel_size, stage.stride, stage.padding) == ((4, 4), (2, 2), (1, 1))


@pytest.mark.parametrize("size", STAGES)
def test_every_layer_of_the_discriminator_has_spectral_norm_and_the_generator_none(size):
    networks = family_of(configuration(size, width=2), 0).build(0)
    layers = [*networks.discriminator.downsampling, networks.discriminator.dense]
    assert len(layers) == len(STAGES[size]) + 1
    for layer in layers:
        assert isinstance(layer.parametrizations.weight[0], SpectralNorm)
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)
    assert not any(parametrize.is_parametrized(module) for module in networks.generator.modules())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", STAGES)
def test_a_step_of_training(size, channels):
    config = configuration(size, channels=channels, width=1, batch_size=2)
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
    recorder = Recorder()
    train(config, images, np.zeros(2, np.int64), ("tumor",), callbacks=recorder)
    assert [report.step for report in recorder.reports] == [1]
    assert np.isfinite(list(recorder.reports[0].metrics.values())).all()
    assert recorder.last.tensors["0.generator.to_image.weight"].shape == (2, channels, 4, 4)
    (picture,) = recorder.pictures[1]
    assert picture.pixels.shape == (5 * (size + 2) - 2, 5 * (size + 2) - 2, 3)
