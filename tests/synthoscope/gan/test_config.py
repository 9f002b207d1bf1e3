import json
import math

import pytest

from synthoscope.api.training.v1.training_pb2 import GanConditioning, GanTrainingConfig
from synthoscope.gan.config import Conditioning, GanConfig, from_message
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


def test_the_configuration_survives_json_even_when_numbers_become_floats():
    config = from_message(GanTrainingConfig(preset="dcgan-64", epochs=5, seed=7))
    assert GanConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    floats = {key: float(value) if type(value) is int else value for key, value in config.to_json().items()}
    assert GanConfig.from_json(floats | {"threads": 2.0}) == config
    assert isinstance(GanConfig.from_json(floats).epochs, int)
