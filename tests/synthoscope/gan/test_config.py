import dataclasses
import json
import math

import pytest

from synthoscope.api.training.v1.training_pb2 import GanConditioning, GanOptimizer, GanTrainingConfig
from synthoscope.gan.config import PRESETS, Conditioning, GanConfig, Optimizer, from_message
from synthoscope.gan.presets import DEFAULT_PRESET, EVERYWHERE
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted


def test_fields_left_at_zero_take_the_presets_values():
    config = from_message(GanTrainingConfig(preset="dcgan-128", epochs=3))
    assert config == GanConfig("dcgan-128", epochs=3)
    assert (config.learning_rate, config.beta1) == (2e-4, 0.5)
    assert config.conditioning is Conditioning.CONDITIONAL
    assert config.image_size == 128


def test_fields_that_are_set_are_taken():
    message = GanTrainingConfig(
        preset="dcgan-64",
        conditioning=GanConditioning.GAN_CONDITIONING_PER_CLASS,
        epochs=2,
        batch_size=12,
        learning_rate=1e-3,
        beta1=0.25,
        workers=3,
        sample_every=7,
        checkpoint_every=9,
        seed=2**63 - 1,
    )
    expected = GanConfig("dcgan-64", 2, Conditioning.PER_CLASS, 12, 1e-3, 0.25, 3, 7, 9, 2**63 - 1)
    assert from_message(message) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("preset", "stylegan"),
        ("preset", ""),
        ("conditioning", 9),
        ("epochs", -1),
        ("epochs", 0),
        ("batch_size", 1),
        ("batch_size", -4),
        ("batch_size", 1025),
        ("learning_rate", math.nan),
        ("learning_rate", -1e-4),
        ("learning_rate", math.inf),
        ("beta1", 1.0),
        ("beta1", math.nan),
        ("workers", 65),
        ("workers", -1),
        ("sample_every", -1),
        ("checkpoint_every", -1),
        ("seed", -1),
    ],
)
def test_a_value_out_of_range_is_named(field, value):
    message = GanTrainingConfig(preset="dcgan-64", epochs=1)
    setattr(message, field, value)
    with pytest.raises(InvalidInput) as caught:
        from_message(message)
    assert caught.value.violations[0].field == f"config.{field}"


def test_too_many_epochs_exhaust():
    with pytest.raises(ResourceExhausted, match=r"config\.epochs"):
        from_message(GanTrainingConfig(preset="dcgan-64", epochs=10**9))


def test_the_batch_is_a_multiple_of_the_workers():
    with pytest.raises(InvalidInput, match=r"config\.batch_size: must be a multiple of config\.workers, which is 3"):
        from_message(GanTrainingConfig(preset="dcgan-64", epochs=1, batch_size=32, workers=3))


@pytest.mark.parametrize(
    ("fields", "field", "right"),
    [
        ({"workers": 2, "min_workers": 3, "batch_size": 6}, "config.min_workers", "at most config.workers, which is 2"),
        ({"workers": 4, "min_workers": 2, "batch_size": 16}, "config.batch_size", "multiple of 12"),
        ({"workers": 1, "min_workers": -1}, "config.min_workers", "in \\[0, 64\\]"),
    ],
)
def test_every_number_of_workers_that_there_may_be_gets_an_equal_part(fields, field, right):
    with pytest.raises(InvalidInput, match=right) as caught:
        from_message(GanTrainingConfig(preset="r3", epochs=1, **fields))
    assert caught.value.violations[0].field == field
    assert (
        from_message(GanTrainingConfig(preset="r3", epochs=1, workers=3, min_workers=2, batch_size=12)).min_workers == 2
    )


def test_the_configuration_survives_json_even_when_numbers_become_floats():
    config = from_message(GanTrainingConfig(preset="dcgan-64", epochs=5, seed=7))
    assert GanConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    floats = {key: float(value) if type(value) is int else value for key, value in config.to_json().items()}
    assert GanConfig.from_json(floats | {"threads": 2.0}) == config
    assert isinstance(GanConfig.from_json(floats).epochs, int)


def test_every_preset_is_legal_as_it_is_and_survives_json():
    for preset in PRESETS:
        config = from_message(GanTrainingConfig(preset=preset, epochs=1))
        assert config == GanConfig(preset, epochs=1)
        assert GanConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert next(iter(PRESETS)) == DEFAULT_PRESET


def test_the_schema_has_one_name_for_each_field():
    names = {field.name for field in GanTrainingConfig.DESCRIPTOR.fields}
    assert names == {field.name for field in dataclasses.fields(GanConfig)}
    assert names == set(EVERYWHERE) | {"preset", "epochs"}


def test_an_optional_field_can_be_switched_off():
    config = from_message(GanTrainingConfig(preset="r3", epochs=1, r1=0, augment=0, ema_kimg=0))
    assert (config.r1, config.r2, config.augment, config.ema_kimg) == (0, 0.5, 0, 0)
    message = GanTrainingConfig(preset="sngan-mri", epochs=1, spectral_norm=False, image_size=512, channels=1)
    message.optimizer = GanOptimizer.GAN_OPTIMIZER_RMSPROP
    config = from_message(message)
    assert (config.spectral_norm, config.image_size, config.channels) == (False, 512, 1)
    assert config.optimizer is Optimizer.RMSPROP


def test_what_was_written_before_a_field_was_there_takes_the_presets_value():
    old = {"preset": "dcgan-64", "epochs": 3.0, "conditioning": "per_class", "batch_size": 8.0, "seed": "7"}
    assert GanConfig.from_json(old) == GanConfig("dcgan-64", 3, Conditioning.PER_CLASS, 8, seed=7)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_size", -64),
        ("channels", 2),
        ("width", 257),
        ("beta2", 1.0),
        ("generator_rate", -1.0),
        ("final_rate", 1.5),
        ("critic_steps", 21),
        ("gradient_penalty", -1.0),
        ("r1", math.nan),
        ("r2", 1001.0),
        ("final_penalty", math.inf),
        ("penalty_every", 65),
        ("weight_decay", 1.0),
        ("ema_kimg", -1.0),
        ("augment", 1.0),
        ("augment_ramp", 1.1),
        ("optimizer", 7),
    ],
)
def test_a_new_value_out_of_range_is_named(field, value):
    message = GanTrainingConfig(preset="sngan-mri", epochs=1)
    setattr(message, field, value)
    with pytest.raises(InvalidInput) as caught:
        from_message(message)
    assert caught.value.violations[0].field == f"config.{field}"


@pytest.mark.parametrize(
    ("preset", "field", "value", "right"),
    [
        ("dcgan-64", "image_size", 128, "must be one of 64 for preset dcgan-64"),
        ("r3", "image_size", 100, "28, 32, 40"),
        ("dcgan-64", "channels", 1, "no option of preset dcgan-64; it is one of"),
        ("acgan-xray", "conditioning", GanConditioning.GAN_CONDITIONING_PER_CLASS, "must be CONDITIONAL"),
        ("dcgan-xray", "conditioning", GanConditioning.GAN_CONDITIONING_CONDITIONAL, "PER_CLASS or UNCONDITIONAL"),
        ("lsgan", "gradient_penalty", 1.0, "sngan-mri, wgan-gp"),
        ("r3", "weight_clip", 0.1, "one of wgan"),
        ("r3", "code_weight", 1.0, "one of infogan"),
        ("ddgan", "augment", 0.1, "no option"),
    ],
)
def test_what_does_not_fit_the_preset_is_named_with_what_would(preset, field, value, right):
    message = GanTrainingConfig(preset=preset, epochs=1)
    setattr(message, field, value)
    with pytest.raises(InvalidInput) as caught:
        from_message(message)
    (violation,) = caught.value.violations
    assert violation.field == f"config.{field}"
    assert right in violation.description


def test_what_compares_images_needs_two_of_them():
    with pytest.raises(InvalidInput, match=r"config\.batch_size: must be at least 4 for preset infogan"):
        from_message(GanTrainingConfig(preset="infogan", epochs=1, batch_size=2))
    with pytest.raises(InvalidInput, match=r"config\.batch_size: must be at least 8 for minibatch"):
        from_message(GanTrainingConfig(preset="r3", epochs=1, batch_size=4, workers=4, minibatch_discrimination=True))


def test_epochs_of_single_classes():
    message = GanTrainingConfig(preset="dcgan-xray", epochs=100, class_epochs={"pneumonia": 150})
    config = from_message(message)
    assert (config.epochs_of("pneumonia"), config.epochs_of("normal")) == (150, 100)
    assert GanConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    with pytest.raises(InvalidInput, match=r"config\.class_epochs: needs config\.conditioning PER_CLASS"):
        from_message(GanTrainingConfig(preset="r3", epochs=1, class_epochs={"a": 2}))
    with pytest.raises(InvalidInput, match=r"config\.class_epochs"):
        from_message(GanTrainingConfig(preset="dcgan-xray", epochs=1, class_epochs={"a": 0}))
    with pytest.raises(ResourceExhausted):
        from_message(GanTrainingConfig(preset="dcgan-xray", epochs=1, class_epochs={"a": 10**6}))
