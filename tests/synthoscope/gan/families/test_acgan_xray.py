"""The fourth seed paper's losses, put together from their parts; and a step of the loop that goes along them."""

import pytest
import torch
from torch.nn import functional as F

from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import Batch, family_of
from synthoscope.gan.players import Players
from synthoscope.gan.steps import alternate
from synthoscope.training.parallel import World

pytestmark = pytest.mark.usefixtures("one_thread")

COUNT, CLASSES, CLASS_WEIGHT = 3, 2, 2.5

REGULARISED = ["class_hidden.weight", *(f"downsampling.{stage}.weight" for stage in range(4))]
"""Those layers of the discriminator to which the printed program gives a regulariser; of the generator, "dense"."""


@pytest.fixture(scope="module")
def game():
    """A step of a run whose rate moves nothing, so that its gradients can be looked at again; what it reported."""
    config = GanConfig("acgan-xray", epochs=1, learning_rate=1e-30, class_weight=CLASS_WEIGHT)
    family = family_of(config, CLASSES)
    players = Players.new(family.build(0), config, torch.device("cpu"))
    numbers = torch.Generator().manual_seed(0)
    for network in (players.networks.generator, players.networks.discriminator):
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):  # else zero, and none would see them in a sum
                torch.nn.init.normal_(parameter, 0, 0.1, generator=numbers)
    images = torch.rand(COUNT, 3, 64, 64, generator=numbers) * 2 - 1
    batch = Batch(images, torch.tensor([0, 1, 1]), family.draw(COUNT, numbers))
    reported = alternate(family, players, [batch], World())
    return players.networks, batch, reported


def mean_squared_error(scores, target):
    return (scores - target).square().mean()


def class_error(logits, labels):
    return -F.log_softmax(logits, dim=1)[torch.arange(len(labels)), labels].mean()


def squares(network, names):
    return sum(network.get_parameter(name).square().sum() for name in names)


def generated(networks, batch):
    return networks.generator(batch.numbers["latent"], batch.numbers["labels"])


def assert_gradients(network, loss):
    names, parameters = zip(*network.named_parameters(), strict=True)
    for name, parameter, expected in zip(names, parameters, torch.autograd.grad(loss, parameters), strict=True):
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=1e-6, msg=name)


def test_the_discriminators_loss_is_realness_class_and_its_regularised_layers(game):
    networks, batch, reported = game
    discriminator, numbers = networks.discriminator, batch.numbers
    real, real_classes = discriminator(batch.images, numbers["keep_real"])
    fake, fake_classes = discriminator(generated(networks, batch).detach(), numbers["keep_generated"])
    targets = torch.cat([torch.ones(COUNT), torch.zeros(COUNT)])
    realness = mean_squared_error(torch.cat([real, fake]), targets)
    classes = class_error(torch.cat([real_classes, fake_classes]), torch.cat([batch.labels, numbers["labels"]]))
    loss = realness + CLASS_WEIGHT * classes + 1e-3 * squares(discriminator, REGULARISED)
    torch.testing.assert_close(reported["discriminator_loss"], loss)
    torch.testing.assert_close(reported["class_loss"], classes)
    assert_gradients(discriminator, loss)


def test_the_generators_loss_is_passing_as_real_and_of_the_class_and_its_regularised_layer(game):
    networks, batch, reported = game
    fake, classes = networks.discriminator(generated(networks, batch), batch.numbers["keep_passed"])
    fooled = mean_squared_error(fake, 1) + CLASS_WEIGHT * class_error(classes, batch.numbers["labels"])
    torch.testing.assert_close(reported["generator_loss"], fooled)
    assert_gradients(networks.generator, fooled + 1e-3 * squares(networks.generator, ["dense.weight"]))


def test_the_generator_has_half_the_learning_rate():
    config = GanConfig("acgan-xray", epochs=1)
    players = Players.new(family_of(config, CLASSES).networks(), config, torch.device("cpu"))
    for optimizer, rate in ((players.discriminator_optimizer, 1e-4), (players.generator_optimizer, 5e-5)):
        assert isinstance(optimizer, torch.optim.RMSprop)
        assert [group["lr"] for group in optimizer.param_groups] == [rate]
