import pytest
import torch

from synthoscope.gan.architectures import dcgan
from synthoscope.gan.architectures.dcgan import Discriminator, Generator
from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import family_of


def build(preset, classes, seed):
    return family_of(GanConfig(preset, epochs=1), classes).build(seed)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def conv(kernel, inputs, outputs):
    return kernel * kernel * inputs * outputs + outputs


def walk(modules, x):
    """The shape after each module, without the batch."""
    shapes = []
    for module in modules:
        x = module(x)
        shapes.append(tuple(x.shape[1:]))
    return shapes


def test_the_generator_of_the_first_seed_paper():
    network = Generator(dcgan.UPSAMPLING[128])
    stages = walk([*network.upsampling, network.to_rgb], torch.zeros(2, 256, 16, 16))
    assert network.dense.out_features == 16 * 16 * 256
    assert stages == [(128, 32, 32), (64, 64, 64), (32, 128, 128), (3, 128, 128)]
    dense = 100 * 65536 + 65536
    assert parameters(network) == dense + conv(4, 256, 128) + conv(4, 128, 64) + conv(4, 64, 32) + conv(3, 32, 3)
    assert parameters(network) == 7_308_355


def test_the_discriminator_of_the_first_seed_paper():
    network = Discriminator(128)
    stages = walk([network.first, *network.downsampling], torch.zeros(2, 3, 128, 128))
    assert stages == [(32, 128, 128), (64, 64, 64), (128, 32, 32), (256, 16, 16)]
    assert parameters(network) == conv(3, 3, 32) + conv(3, 32, 64) + conv(3, 64, 128) + conv(3, 128, 256) + 65536 + 1
    assert parameters(network) == 453_953


def test_the_64_pixel_preset_has_one_upsampling_stage_fewer():
    generator, discriminator = Generator(dcgan.UPSAMPLING[64]), Discriminator(64)
    assert [stage.out_channels for stage in generator.upsampling] == [128, 64]
    assert parameters(generator) == 7_276_419
    assert parameters(discriminator) == 404_801


@pytest.mark.parametrize(("preset", "side"), [("dcgan-128", 128), ("dcgan-64", 64)])
@pytest.mark.parametrize("classes", [0, 4])
def test_images_are_in_range_and_have_one_logit_each(preset, side, classes):
    nets = build(preset, classes, seed=1)
    labels = torch.tensor([0, 3]) if classes else None
    images = nets.generator(torch.randn(2, 100), labels)
    assert images.shape == (2, 3, side, side)
    assert images.abs().max() <= 1
    assert nets.discriminator(images, labels).shape == (2,)


def test_the_condition_reaches_both_networks():
    nets = build("dcgan-64", 4, seed=1)
    latent = torch.randn(1, 100).expand(2, -1)
    images = nets.generator(latent, torch.tensor([0, 1]))
    assert not torch.equal(images[0], images[1])
    same = images[:1].expand(2, -1, -1, -1)
    logits = nets.discriminator(same, torch.tensor([0, 1]))
    torch.testing.assert_close(logits[0], logits[1])
    torch.nn.init.normal_(nets.discriminator.embedding.weight)
    logits = nets.discriminator(same, torch.tensor([0, 1]))
    assert (logits[0] - logits[1]).abs() > 1e-3


def test_weights_depend_on_the_seed_alone():
    first, again, other = (build("dcgan-64", 0, seed).generator.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["dense.weight"], other["dense.weight"])


def test_dropout_keeps_three_in_five_and_their_mean():
    family = family_of(GanConfig("dcgan-64", epochs=1), 0)
    mask = family.draw(64, torch.Generator().manual_seed(0))["keep_real"]
    assert mask.shape == (64, family.features)
    assert mask.float().mean() == pytest.approx(0.6, abs=0.01)
    discriminator = build("dcgan-64", 0, seed=1).discriminator
    images = torch.randn(1, 3, 64, 64)
    whole = discriminator(images).item()
    generator = torch.Generator().manual_seed(0)
    masks = (torch.rand(64, discriminator.features, generator=generator) >= dcgan.DROPOUT for _ in range(4))
    dropped = torch.cat([discriminator(images.expand(64, -1, -1, -1), None, mask) for mask in masks])
    assert dropped.mean().item() == pytest.approx(whole, abs=4 * dropped.std().item() / 16)
