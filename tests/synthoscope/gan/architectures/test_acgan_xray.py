import torch

from synthoscope.gan.architectures.acgan_xray import Discriminator, Generator, initialise


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_fourth_seed_papers_printed_tables():
    """Every line of the two printed model summaries."""
    generator, discriminator = Generator(100, 2), Discriminator(2)
    assert parameters(generator.hidden) == 105_472
    assert parameters(generator.dense) == 16_793_600
    assert [parameters(norm) for norm in generator.norms] == [512, 512, 256, 128]
    assert [parameters(stage) for stage in generator.upsampling] == [1_638_656, 819_328, 204_864, 51_232]
    assert parameters(generator.to_rgb) == 2403
    assert parameters(generator) == 19_616_963
    assert [parameters(stage) for stage in discriminator.downsampling] == [2432, 51_264, 204_928, 819_456]
    assert parameters(discriminator.class_hidden) == 4_194_560
    assert (parameters(discriminator.class_head), parameters(discriminator.realness)) == (514, 16_385)
    assert parameters(discriminator) == 5_289_539


def test_shapes_are_those_printed():
    generator, discriminator = Generator(100, 2), Discriminator(2)
    x, sides = torch.zeros(1, 256, 8, 8), []
    for stage in generator.upsampling:
        x = stage(x)
        sides.append(tuple(x.shape[1:]))
    assert sides == [(256, 16, 16), (128, 32, 32), (64, 64, 64), (32, 64, 64)]
    x, sides = torch.zeros(1, 3, 64, 64), []
    for stage in discriminator.downsampling:
        x = stage(x)
        sides.append(tuple(x.shape[1:]))
    assert sides == [(32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 8, 8)]


def test_the_class_reaches_the_images_and_comes_back_as_logits():
    generator, discriminator = Generator(100, 3), Discriminator(3)
    numbers = torch.Generator().manual_seed(0)
    initialise(generator, numbers)
    initialise(discriminator, numbers)
    with torch.no_grad():
        images = generator(torch.zeros(2, 100), torch.tensor([0, 2]))
        realness, classes = discriminator(images, torch.ones(2, 256, dtype=torch.bool))
    assert images.shape == (2, 3, 64, 64)
    assert images.abs().max() < 1
    assert not torch.equal(images[0], images[1])
    assert (realness.shape, classes.shape) == ((2,), (2, 3))
