"""A run that is shown to the monitors flags what is planted in its networks."""

import numpy as np
import pytest
import torch

from synthoscope.gan import steps
from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.players import Players
from synthoscope.gan.watch import EVERY, LOOKS, Watch, diversity, gradient_norm
from synthoscope.rpc.errors import FailedPrecondition

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = GanConfig("lsgan", epochs=1, image_size=28, width=2, channels=1)
CALM = {"real_score": 0.6, "generated_score": 0.4}


@pytest.fixture
def family():
    return family_of(CONFIG, 0)


@pytest.fixture
def players(family):
    players = Players.new(family.build(0), CONFIG, torch.device("cpu"))
    for parameter in players.networks.generator.parameters():
        parameter.grad = torch.ones_like(parameter)
    return players


@pytest.fixture
def real():
    pixels = np.random.default_rng(0).integers(0, 256, (LOOKS, 28, 28, 3), np.uint8)
    return {0: steps.real_images(CONFIG, pixels)}


def observe(watch, family, players, metrics=CALM, step=EVERY, progress=0.5, moved=True):
    return watch.observe(family, players, metrics, step, step, progress, moved)


def test_a_generator_that_makes_one_image_is_flagged(family, players, real):
    watch = Watch(real)
    torch.nn.init.normal_(players.networks.generator.to_image.weight, 0, 3, torch.Generator().manual_seed(0))
    assert observe(watch, family, players)["mode_collapse"] == 0
    torch.nn.init.zeros_(players.networks.generator.to_image.weight)
    assert observe(watch, family, players)["mode_collapse"] == 1


def test_one_class_that_makes_one_image_is_flagged(real):
    family = family_of(CONFIG, 2)
    players = Players.new(family.build(0), CONFIG, torch.device("cpu"))
    generator, watch = players.networks.generator, Watch({0: real[0], 1: real[0]})
    torch.nn.init.normal_(generator.to_image.weight, 0, 3, torch.Generator().manual_seed(0))
    assert observe(watch, family, players, moved=False)["mode_collapse"] == 0
    # An embedding that drowns the latent vector: what is made of the second class does not depend on the latter.
    torch.nn.init.constant_(generator.embedding.weight[1], 1e6)
    assert observe(watch, family, players, moved=False)["mode_collapse"] == 1


def test_gradients_of_zero_are_flagged(family, players, real):
    watch = Watch(real)
    for step in range(1, 21):
        assert observe(watch, family, players, step=step)["vanishing_gradients"] == 0
    for parameter in players.networks.generator.parameters():
        parameter.grad.zero_()
    flags = [observe(watch, family, players, step=21 + extra)["vanishing_gradients"] for extra in range(20)]
    assert flags == [0] * 19 + [1]


def test_a_sure_discriminator_is_flagged(family, players, real):
    watch = Watch(real)
    sure = {"real_score": 1.0, "generated_score": 0.0}
    flags = [observe(watch, family, players, sure, step=step)["discriminator_saturation"] for step in range(1, 51)]
    assert flags == [0] * 49 + [1]


def test_a_gradient_that_is_no_number_ends_the_run(family, players, real):
    next(players.networks.generator.parameters()).grad.fill_(float("nan"))
    with pytest.raises(FailedPrecondition, match="gradient_norm is nan at step 50"):
        observe(Watch(real), family, players)


def test_a_critic_has_no_certainty():
    family = family_of(GanConfig("wgan", epochs=1), 0)
    assert family.certainty(CALM) is None


def test_what_it_remembers_is_restored(family, players, real):
    watch = Watch(real)
    for step in range(1, 60):
        observe(watch, family, players, {"real_score": 1.0, "generated_score": 0.0}, step=step)
    again = Watch.restored(real, watch.to_json())
    assert again.to_json() == watch.to_json()
    assert again.saturation.flagged
    assert Watch.restored(real, {}).to_json() == Watch(real).to_json()


def test_diversity_is_the_mean_distance():
    images = torch.zeros(3, 1, 16, 16)
    images[2] += 1
    assert diversity(images) == pytest.approx(2 / 3 * 16)


def test_the_norm_of_all_gradients():
    layer = torch.nn.Linear(2, 2)
    layer.weight.grad, layer.bias.grad = torch.full((2, 2), 1.5), torch.full((2,), 2.0)
    assert gradient_norm(layer) == pytest.approx((4 * 2.25 + 2 * 4) ** 0.5)
