"""What every family promises: images of the configured shape, finite losses, gradients that reach every weight."""

import pytest
import torch

from synthoscope.gan.config import PRESETS, Conditioning, GanConfig
from synthoscope.gan.families import FAMILIES, Batch, family_of

pytestmark = pytest.mark.usefixtures("one_thread")

FLEXIBLE = tuple(name for name, preset in PRESETS.items() if len(preset.sizes) > 1)


def configuration(preset, **changes):
    return GanConfig(preset, epochs=1, **({"width": 2, "batch_size": 4, "image_size": 28} | changes))


def batch_of(family, count=4, progress=0.5):
    config, numbers = family.config, torch.Generator().manual_seed(0)
    side = config.image_size
    images = torch.rand(count, config.channels, side, side, generator=numbers) * 2 - 1
    labels = torch.arange(count) % max(family.classes, 1)
    return Batch(images, labels, family.draw(count, numbers), progress)


def test_every_preset_has_its_family():
    assert {preset.family for preset in PRESETS.values()} == set(FAMILIES)
    for name, preset in PRESETS.items():
        config = GanConfig(name, epochs=1)
        assert config.image_size in preset.sizes
        assert config.conditioning in preset.conditionings


@pytest.mark.parametrize("preset", FLEXIBLE)
@pytest.mark.parametrize(("size", "channels"), [(28, 1), (64, 3)])
def test_sizes_and_channels(preset, size, channels):
    family = family_of(configuration(preset, image_size=size, channels=channels), 3)
    networks = family.build(0)
    latent = family.latent(2, torch.Generator().manual_seed(1))
    with torch.no_grad():
        images = family.sample(networks.generator.eval(), latent, torch.tensor([0, 2]))
    assert images.shape == (2, channels, size, size)
    assert torch.isfinite(images).all()
    assert not torch.equal(images[0], images[1])


@pytest.mark.parametrize("preset", FLEXIBLE)
def test_512_pixels_can_be_built(preset):
    family = family_of(configuration(preset, image_size=512, width=1, channels=1), 0)
    latent = family.latent(1, torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert family.sample(family.build(0).generator.eval(), latent, None).shape == (1, 1, 512, 512)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("preset", FLEXIBLE)
def test_losses_are_finite_and_reach_every_weight(preset, classes):
    family = family_of(configuration(preset), classes)
    networks = family.build(0)
    # Some weights start at zero, behind which gradients vanish in the first step.
    for network in (networks.generator, networks.discriminator):
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, 0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    batch = batch_of(family)
    family.begin_step(networks, batch.progress)
    generated = family.generate(networks.generator, batch)
    assert generated.shape == batch.images.shape
    outcome = family.discriminator_loss(networks.discriminator, batch, generated.detach())
    outcome.loss.backward()
    assert_moved(networks.discriminator)
    assert "discriminator_loss" in outcome.metrics
    networks.discriminator.requires_grad_(False)
    outcome = family.generator_loss(networks.discriminator, batch, generated)
    family.with_weights(networks.generator, outcome.loss).backward()
    assert_moved(networks.generator)
    assert torch.isfinite(outcome.loss)


def assert_moved(network):
    for name, parameter in network.named_parameters():
        # A bias before a batch norm has no effect, and an unused category none either.
        if name.endswith("bias"):
            continue
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("preset", FLEXIBLE)
def test_the_condition_reaches_the_images(preset):
    family = family_of(configuration(preset, conditioning=Conditioning.CONDITIONAL), 2)
    generator = family.build(0).generator.eval()
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    latent = family.latent(1, torch.Generator().manual_seed(1)).expand(2, -1)
    with torch.no_grad():
        first, second = family.sample(generator, latent, torch.tensor([0, 1]))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("preset", [name for name, preset in PRESETS.items() if preset.heeds("spectral_norm")])
def test_spectral_norm(preset):
    config = configuration(preset, spectral_norm=True, image_size=PRESETS[preset].defaults["image_size"])
    discriminator = family_of(config, 2).build(0).discriminator
    layers = [module for module in discriminator.modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)]
    assert len(layers) > 3
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.1)


def test_minibatch_discrimination_sees_copies():
    family = family_of(configuration("lsgan", minibatch_discrimination=True), 0)
    discriminator = family.build(0).discriminator
    features = torch.randn(4, discriminator.features)
    same = discriminator.minibatch(features[:1].expand(4, -1))
    torch.testing.assert_close(same, torch.full((4, 16), 3.0))
    torch.nn.init.normal_(discriminator.minibatch.projection.weight)
    assert discriminator.minibatch(features).max() < 0.1


def test_the_default_starts_without_the_class_and_ramps_it_in():
    family = family_of(configuration("r3"), 2)
    networks = family.build(0)
    for progress, strength in [(0.0, 0.0), (0.05, 0.5), (0.1, 1.0), (0.9, 1.0)]:
        family.begin_step(networks, progress)
        assert networks.generator.strength.item() == pytest.approx(strength)
        assert networks.discriminator.strength.item() == pytest.approx(strength)


def test_the_wasserstein_critic_is_clipped():
    family = family_of(configuration("wgan"), 0)
    discriminator = family.build(0).discriminator
    family.end_discriminator_step(discriminator)
    assert max(parameter.abs().max().item() for parameter in discriminator.parameters()) == pytest.approx(0.01)


def test_infogans_codes_can_be_chosen():
    family = family_of(configuration("infogan"), 0)
    latent = family.latent(5, torch.Generator().manual_seed(0))
    assert latent.shape == (5, 74)
    torch.testing.assert_close(latent[:, 62:72].sum(1), torch.ones(5))
    chosen = family.with_codes(latent, category=3, continuous={1: -0.5})
    assert chosen[:, 62:72].argmax(1).tolist() == [3] * 5
    assert chosen[:, 73].tolist() == [-0.5] * 5
    torch.testing.assert_close(chosen[:, :62], latent[:, :62])
    torch.testing.assert_close(chosen[:, 72], latent[:, 72])


def test_the_fourth_seed_papers_latent_numbers_are_uniform():
    latent = family_of(GanConfig("acgan-xray", epochs=1), 2).latent(200, torch.Generator().manual_seed(0))
    assert latent.abs().max() <= 1
    assert latent.std().item() == pytest.approx(3**-0.5, abs=0.02)
