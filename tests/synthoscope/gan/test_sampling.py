import itertools

import numpy as np
import pytest
import torch

from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.gan import sampling
from synthoscope.gan.config import PRESETS, Conditioning, GanConfig
from synthoscope.gan.families import family_of
from synthoscope.gan.sampling_options import SamplingOptions
from synthoscope.models import publish
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput

pytestmark = pytest.mark.usefixtures("one_thread")


def published(objects, conditioning, classes=("a", "b")):
    parts = len(classes) if conditioning is Conditioning.PER_CLASS else 1
    condition = len(classes) if conditioning is Conditioning.CONDITIONAL else 0
    tensors = {}
    for part in range(parts):
        generator = family_of(GanConfig("dcgan-64", epochs=1), condition).build(part).generator
        tensors |= {f"{part}.generator.{name}": tensor for name, tensor in generator.state_dict().items()}
    known = () if conditioning is Conditioning.UNCONDITIONAL else classes
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, preset="dcgan-64", image_size=64, classes=known)
    record.config.update({"conditioning": str(conditioning)})
    return publish(objects, "tenants/t/models/gan", record, {WEIGHTS: dump_weights(tensors)})


def images(generators, label, count, seed=3, batch=64):
    batches = list(sampling.sample(generators, label, count, seed, batch))
    assert all(len(pixels) == batch for pixels in batches[:-1])
    return np.concatenate(batches)


@pytest.mark.parametrize("conditioning", Conditioning)
def test_every_image_depends_on_its_index_alone(conditioning):
    objects = InMemoryObjectStore()
    generators = sampling.load(objects, published(objects, conditioning))
    label = generators.labels[-1]
    many = images(generators, label, 40)
    assert many.shape == (40, 64, 64, 3)
    assert many.dtype == np.uint8
    for count, batch in [(1, 64), (17, 5), (39, 40)]:
        np.testing.assert_array_equal(images(generators, label, count, batch=batch), many[:count])
    later = np.concatenate(list(sampling.sample(generators, label, 9, 3, first=21)))
    np.testing.assert_array_equal(later, many[21:30])
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(many[:10], 2))


def test_seed_and_label_change_the_images():
    objects = InMemoryObjectStore()
    generators = sampling.load(objects, published(objects, Conditioning.PER_CLASS))
    assert generators.labels == ("a", "b")
    assert not np.array_equal(images(generators, "a", 2), images(generators, "b", 2))
    assert not np.array_equal(images(generators, "a", 2), images(generators, "a", 2, seed=4))


def test_an_unknown_label():
    objects = InMemoryObjectStore()
    generators = sampling.load(objects, published(objects, Conditioning.UNCONDITIONAL))
    assert generators.labels == ("",)
    with pytest.raises(InvalidInput, match="label"):
        next(sampling.sample(generators, "a", 1, 0))


def test_a_classifier_makes_no_images():
    record = publish(
        InMemoryObjectStore(), "tenants/t/models/m", ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER), {}
    )
    with pytest.raises(FailedPrecondition, match="not a GAN"):
        sampling.from_tensors(record, {})


def test_weights_of_another_network():
    objects = InMemoryObjectStore()
    record = published(objects, Conditioning.UNCONDITIONAL)
    with pytest.raises(DataLoss, match="dcgan-64"):
        sampling.from_tensors(record, {"0.generator.dense.weight": torch.zeros(1)})


def version_of(preset, classes, **changes):
    """A record and the random weights of a preset's networks, tiny where they can be."""
    config = GanConfig(preset, epochs=1, **changes)
    count = len(classes) if config.conditioning is Conditioning.CONDITIONAL else 0
    family = family_of(config, count)
    tensors = {}
    for part in range(len(classes) if config.conditioning is Conditioning.PER_CLASS else 1):
        generator = family.build(part).generator
        for norm in (module for module in generator.modules() if hasattr(module, "running_mean")):
            torch.nn.init.normal_(norm.running_mean, generator=torch.Generator().manual_seed(0))
        kind = "average" if config.ema_kimg else "generator"
        tensors |= {f"{part}.{kind}.{name}": tensor for name, tensor in generator.state_dict().items()}
        tensors |= {
            f"{part}.generator.{name}": tensor for name, tensor in family.build(9).generator.state_dict().items()
        }
    record = ModelVersion(kind=ModelKind.MODEL_KIND_GAN, preset=preset, classes=classes)
    record.config.update(config.to_json())
    return record, tensors


@pytest.mark.parametrize("preset", [name for name, preset in PRESETS.items() if len(preset.sizes) > 1])
def test_every_image_of_every_family_depends_on_its_index_alone(preset):
    record, tensors = version_of(preset, ["a", "b"], image_size=28, width=2, channels=1)
    generators = sampling.from_tensors(record, tensors)
    many = images(generators, "b", 20)
    assert many.shape == (20, 28, 28, 3)
    assert (many[..., 0] == many[..., 2]).all()
    for count, batch in [(1, 64), (17, 5)]:
        np.testing.assert_array_equal(images(generators, "b", count, batch=batch), many[:count])
    later = np.concatenate(list(sampling.sample(generators, "b", 3, 3, first=16)))
    np.testing.assert_array_equal(later, many[16:19])
    assert not np.array_equal(many[0], many[1])
    assert not np.array_equal(images(generators, "a", 1), many[:1])


def test_infogans_codes_can_be_chosen():
    record, tensors = version_of("infogan", ["a"], image_size=28, width=2)
    generators = sampling.from_tensors(record, tensors)
    drawn, third, again = (
        next(sampling.sample(generators, "a", 3, 0, change=change))
        for change in (
            sampling.unchanged,
            lambda latent: generators.family.with_codes(latent, 3, {}),
            lambda latent: generators.family.with_codes(latent, 3, {0: 1.0}),
        )
    )
    assert not np.array_equal(drawn, third)
    assert not np.array_equal(third, again)


def test_averaged_weights_are_the_ones_that_count():
    record, tensors = version_of("r3", ["a"], image_size=28, width=2)
    averaged = images(sampling.from_tensors(record, tensors), "a", 2)
    last = {name: tensor for name, tensor in tensors.items() if ".average." not in name}
    assert not np.array_equal(images(sampling.from_tensors(record, last), "a", 2), averaged)


def test_a_preset_of_the_future():
    record = ModelVersion(name="m", kind=ModelKind.MODEL_KIND_GAN, preset="gan-2040", classes=["a"])
    with pytest.raises(FailedPrecondition, match="gan-2040"):
        sampling.from_tensors(record, {})


def test_a_training_networks_batch_norms_are_left_training():
    record, tensors = version_of("lsgan", ["a"], image_size=28, width=2)
    generators = sampling.from_tensors(record, tensors)
    network, family = generators.networks[0].train(), generators.family
    latent = family.latent(3, torch.Generator().manual_seed(0))
    pixels = sampling.to_pixels(family, network, latent, torch.zeros(3, dtype=torch.long))
    alone = sampling.to_pixels(family, network, latent[:1], torch.zeros(1, dtype=torch.long))
    assert network.training
    assert np.abs(pixels[:1].astype(int) - alone).max() <= 1


def with_discriminators(preset, classes=("a", "b"), **changes):
    """A record, and random weights with the discriminators."""
    record, tensors = version_of(preset, classes, **changes)
    config = sampling.config_of(record)
    count = len(classes) if config.conditioning is Conditioning.CONDITIONAL else 0
    for part in {name.split(".")[0] for name in tensors}:
        discriminator = family_of(config, count).build(int(part)).discriminator
        for parameter in discriminator.parameters():
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1 + int(part)))
        tensors |= {f"{part}.discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
    return record, tensors


@pytest.mark.parametrize("preset", [name for name in PRESETS if name not in ("ddgan", "dcgan-128")])
def test_discriminators_of_every_preset_score_images(preset):
    sizes = {"image_size": 28, "width": 2, "channels": 1} if len(PRESETS[preset].sizes) > 1 else {}
    record, tensors = with_discriminators(preset, **sizes)
    generators = sampling.from_tensors(record, tensors, judged=True)
    side = generators.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (4, side, side, 3), np.uint8)
    found = sampling.scores(generators, "b", pixels)
    assert found.shape == (4,)
    assert len(set(found.tolist())) == 4
    np.testing.assert_array_equal(sampling.scores(generators, "b", pixels), found)  # no dropout
    if generators.conditioning is Conditioning.PER_CLASS:
        assert not np.array_equal(sampling.scores(generators, "a", pixels), found)


def test_ddgans_discriminator_judges_no_images():
    record, tensors = with_discriminators("ddgan", image_size=28, width=2)
    generators = sampling.from_tensors(record, tensors, judged=True)
    with pytest.raises(FailedPrecondition, match="steps of denoising"):
        sampling.scores(generators, "a", np.zeros((1, 28, 28, 3), np.uint8))


def test_the_checkpoint_can_be_chosen():
    record, tensors = version_of("r3", ["a"], image_size=28, width=2)
    best = family_of(sampling.config_of(record), 1).build(5).generator.state_dict()
    tensors |= {f"0.best.{name}": tensor for name, tensor in best.items()}
    made = {
        checkpoint: images(sampling.from_tensors(record, tensors, checkpoint), "a", 1).tobytes()
        for checkpoint in sampling.Checkpoint
    }
    assert made[sampling.Checkpoint.DEFAULT] == made[sampling.Checkpoint.AVERAGE]
    assert len(set(made.values())) == 3
    last = {name: tensor for name, tensor in tensors.items() if ".generator." in name}
    with pytest.raises(FailedPrecondition, match="has no BEST weights; it has LAST"):
        sampling.from_tensors(record, last, sampling.Checkpoint.BEST)


@pytest.mark.parametrize("preset", ["acgan-xray", "ddgan", "infogan", "lsgan"])
def test_truncation_narrows_what_is_drawn_and_leaves_the_rest(preset):
    family = family_of(GanConfig(preset, epochs=1), 2)
    latent = family.latent(200, torch.Generator().manual_seed(0))
    truncated = family.truncated(latent, 0.5)
    kept = {"acgan-xray": 100, "ddgan": 400, "infogan": 62, "lsgan": 100}[preset]
    assert truncated[:, :kept].abs().max() <= 0.5
    assert torch.equal(truncated[:, kept:], latent[:, kept:])
    if preset == "acgan-xray":
        assert torch.equal(truncated, latent * 0.5)


def test_options_change_latent_vectors():
    family = family_of(GanConfig("infogan", epochs=1), 2)
    latent = family.latent(3, torch.Generator().manual_seed(0))
    changed = sampling.change_of(family, SamplingOptions(truncation=0.5, category=2, continuous={1: -1.0}))(latent)
    assert changed[:, :62].abs().max() <= 0.5
    assert changed[:, 62:72].argmax(1).tolist() == [2, 2, 2]
    assert torch.equal(changed[:, 72], latent[:, 72])
    assert changed[:, 73].tolist() == [-1, -1, -1]
    plain = family_of(GanConfig("lsgan", epochs=1), 2)
    assert sampling.change_of(plain, SamplingOptions())(latent) is latent
