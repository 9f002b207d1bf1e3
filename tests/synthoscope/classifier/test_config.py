import json
import math
import re
from dataclasses import replace

import pytest

from synthoscope.api.training.v1 import training_pb2
from synthoscope.classifier.config import NO_AUGMENTATION, Optimizer
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.presets import PRESETS
from synthoscope.images.augmentation import Augmentation
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

FINDINGS = "MODEL_OUTPUT_FINDINGS"


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
        ({"image_size": 31}, "image_size"),
        ({"image_size": 1025}, "image_size"),
        ({"preset": "resnet50", "image_size": 63}, "image_size"),
        ({"weight_decay": 1.0}, "weight_decay"),
        ({"weight_decay": math.nan}, "weight_decay"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"robustness_images": -1}, "robustness_images"),
        ({"robustness_images": 10_001}, "robustness_images"),
        ({"mixup": -0.1}, "mixup"),
        ({"mixup": 10.1}, "mixup"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"steps_per_epoch": -1}, "steps_per_epoch"),
        ({"steps_per_epoch": 1_000_001}, "steps_per_epoch"),
        ({"preset": "resnet50", "frozen_epochs": -2}, "frozen_epochs"),
        ({"preset": "resnet50", "backbone_rate": 1.1}, "backbone_rate"),
        ({"preset": "resnet50", "backbone_rate": math.nan}, "backbone_rate"),
        ({"mixup": 0.2, "batch_size": 7}, "batch_size"),
        ({"mixup": 0.2, "batch_size": 6, "workers": 2}, "batch_size"),
        ({"preset": "vgg16-xray", "batch_size": 1}, "batch_size"),
        ({"preset": "vgg16-xray", "batch_size": 2, "workers": 2}, "batch_size"),
        ({"output": FINDINGS, "class_balance": "CLASS_BALANCE_SAMPLING"}, "class_balance"),
        ({"no_finding": "none"}, "no_finding"),
        ({"operating_label": "a"}, "operating_sensitivity"),
        ({"operating_label": "a", "operating_sensitivity": 0.49}, "operating_sensitivity"),
        ({"operating_label": "a", "operating_sensitivity": 1.0}, "operating_sensitivity"),
        ({"operating_label": "a", "operating_sensitivity": math.nan}, "operating_sensitivity"),
        ({"operating_sensitivity": 0.9}, "operating_label"),
        ({"output": FINDINGS, "operating_label": "a", "operating_sensitivity": 0.9}, "operating_label"),
        *(({name: 99}, name) for name in ("optimizer", "schedule", "class_balance", "output")),
        ({"preset": "resnet50", "head": 99}, "head"),
    ],
)
def test_a_value_that_cannot_be_is_named(fields, field):
    with pytest.raises(InvalidInput) as caught:
        from_message(message(**fields), "request.config")
    assert caught.value.violations[0].field == f"request.config.{field}"


@pytest.mark.parametrize(
    "fields",
    [
        {"image_size": 32},
        {"image_size": 1024},
        {"preset": "resnet50", "image_size": 64},
        {"preset": "cnn-mri", "image_size": 256},
        {"preset": "vgg16-xray", "batch_size": 4, "workers": 2},
        {"robustness_images": 0},
        {"weight_decay": 0.0, "label_smoothing": 0.0, "ema_decay": 0.0},
        {"mixup": 10.0, "batch_size": 6},
        {"steps_per_epoch": 1_000_000},
        {"preset": "resnet50", "frozen_epochs": -1, "backbone_rate": 1.0},
        {"output": FINDINGS, "no_finding": "none"},
        {"operating_label": "a", "operating_sensitivity": 0.5},
    ],
)
def test_a_value_at_the_end_of_its_range_is_taken(fields):
    from_message(message(**fields))


@pytest.mark.parametrize(
    ("field", "value"),
    [("weights", "none"), ("frozen_epochs", 0), ("backbone_rate", 0.5), ("head", "CLASSIFIER_HEAD_POOLED")],
)
def test_what_is_for_backbones_is_refused_for_other_networks(field, value):
    with pytest.raises(InvalidInput, match=rf"config\.{field}: is for networks with a backbone .*, not cnn-64"):
        from_message(message(**{field: value}))
    from_message(message(preset="resnet50", **{field: value}))


def test_the_mri_network_of_a_larger_size_is_pointed_to():
    with pytest.raises(InvalidInput, match=re.escape("config.image_size: must be at most 256")) as caught:
        from_message(message(preset="cnn-mri", image_size=257))
    assert "528,392 weights; cnn-mri-pooled takes any size" in caught.value.message
    from_message(message(preset="cnn-mri-pooled", image_size=257))


def test_too_many_epochs_exhaust():
    with pytest.raises(ResourceExhausted, match=r"config\.epochs"):
        from_message(message(epochs=10_001))


def test_json_keeps_large_seeds_exact():
    config = from_message(message(seed=2**63 - 1, horizontal_flip=True))
    read = json.loads(json.dumps(config.to_json()))
    assert int(read["seed"]) == 2**63 - 1
    assert read["augmentation"]["horizontal_flip"] is True


@pytest.mark.parametrize(("preset", "expected"), [
    ("cnn-mri", (Optimizer.ADAM, 0.001, 0.0, 10)),
    ("vgg16-xray", (Optimizer.ADAM, 1e-5, 0.4, 2)),
    ("cnn-xray", (Optimizer.ADAM, 1e-4, 0.2, 10)),
    ("vgg16", (Optimizer.ADAM, 1e-4, 0.2, 10)),
    ("resnet50", (Optimizer.SGD, 1e-4, 0.2, 10)),
    ("inceptionv3", (Optimizer.RMSPROP, 1e-4, 0.2, 10)),
])  # fmt: skip
def test_presets_are_the_papers_recipes(preset, expected):
    config = PRESETS[preset]
    found = config.optimizer, config.learning_rate, config.dropout, config.early_stopping_patience
    assert found == expected
    assert config.augmentation == NO_AUGMENTATION
