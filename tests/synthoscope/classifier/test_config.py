import json
import math
from dataclasses import replace

import pytest

from synthoscope.api.training.v1 import training_pb2
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.presets import PRESETS
from synthoscope.images.augmentation import Augmentation
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted


def message(**fields) -> training_pb2.ClassifierTrainingConfig:
    return training_pb2.ClassifierTrainingConfig(**{"preset": "cnn-64", "epochs": 3} | fields)


def test_what_is_left_out_comes_from_the_preset():
    config = from_message(message(preset="cnn-128"))
    preset = PRESETS["cnn-128"]
    assert (config.image_size, config.epochs, config.workers, config.seed) == (128, 3, 1, 0)
    assert (config.learning_rate, config.dropout, config.early_stopping_patience) == (1e-3, 0.5, 10)
    assert config.augmentation == preset.augmentation


def test_what_is_given_is_taken():
    config = from_message(message(batch_size=8, workers=2, dropout=0.0, seed=2**62, augmentation={"brightness": 0.2}))
    assert (config.batch_size, config.workers, config.dropout, config.seed) == (8, 2, 0.0, 2**62)
    assert config.augmentation == Augmentation(0.0, 0.2, 0.0, 0.0, 0.0, False)


def test_images_are_mirrored_only_when_asked_for():
    unasked, asked = (from_message(message(**fields)) for fields in ({}, {"horizontal_flip": True}))
    assert not unasked.augmentation.horizontal_flip
    assert asked.augmentation == replace(unasked.augmentation, horizontal_flip=True)
    changes = {"brightness": 0.2, "horizontal_flip": True}
    assert from_message(message(augmentation=changes)).augmentation.horizontal_flip
    mirrored = from_message(message(augmentation=changes, horizontal_flip=False))
    assert mirrored.augmentation == Augmentation(0.0, 0.2, 0.0, 0.0, 0.0, False)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"preset": "resnet"}, "preset"),
        ({"preset": ""}, "preset"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": -1}, "epochs"),
        ({"batch_size": 1025}, "batch_size"),
        ({"batch_size": 32, "workers": 3}, "batch_size"),
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"dropout": 1.0}, "dropout"),
        ({"augmentation": {"rotation_degrees": 181}}, "augmentation.rotation_degrees"),
        ({"augmentation": {"brightness": 1}}, "augmentation.brightness"),
        ({"augmentation": {"width_shift": math.inf}}, "augmentation.width_shift"),
        ({"augmentation": {"height_shift": -0.1}}, "augmentation.height_shift"),
        ({"augmentation": {"shear_degrees": 46}}, "augmentation.shear_degrees"),
        ({"early_stopping_patience": -1}, "early_stopping_patience"),
        ({"plateau_patience": -1}, "plateau_patience"),
        ({"validation_fraction": 0.6}, "validation_fraction"),
        ({"workers": 65}, "workers"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_value_out_of_range_is_named(fields, field):
    with pytest.raises(InvalidInput) as caught:
        from_message(message(**fields), "request.config")
    assert caught.value.violations[0].field == f"request.config.{field}"


def test_too_many_epochs_exhaust():
    with pytest.raises(ResourceExhausted, match=r"config\.epochs"):
        from_message(message(epochs=10_001))


def test_json_keeps_large_seeds_exact():
    config = from_message(message(seed=2**63 - 1, horizontal_flip=True))
    read = json.loads(json.dumps(config.to_json()))
    assert int(read["seed"]) == 2**63 - 1
    assert read["augmentation"]["horizontal_flip"] is True
