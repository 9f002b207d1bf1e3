import torch

from synthoscope.gan.architectures.dcgan_xray import FEATURES, Discriminator, Generator


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_fifth_seed_papers_table_1():
    generator, discriminator = Generator(), Discriminator()
    assert generator.dense.out_features == 8192
    assert [stage.out_channels for stage in generator.upsampling] == [128, 256, 512]
    assert parameters(generator) == 3_750_275
    assert [stage.out_channels for stage in discriminator.downsampling] == [64, 128, 128]
    assert parameters(discriminator) == 404_801


def test_shapes():
    with torch.no_grad():
        images = Generator()(torch.randn(1, 100))
        assert images.shape == (1, 3, 64, 64)
        assert images.abs().max() < 1
        assert Discriminator()(images).shape == (1,)


def test_dropout_scales_what_it_keeps():
    discriminator = Discriminator()
    images, nothing = torch.randn(1, 3, 64, 64), torch.zeros(1, FEATURES, dtype=torch.bool)
    everything = ~nothing
    bias = discriminator.dense.bias
    kept = discriminator(images, None, everything) - bias
    torch.testing.assert_close(kept, (discriminator(images) - bias) / 0.8)
    torch.testing.assert_close(discriminator(images, None, nothing), bias)
