"""A configuration from its message: fields checked, what they leave out comes from the preset. No torch."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from synthoscope.api.models.v1.models_pb2 import ModelOutput
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.classifier.config import (
    ALL_EPOCHS,
    TRANSFER_PRESETS,
    Balance,
    ClassifierConfig,
    Head,
    LearningRateSchedule,
    Optimizer,
    Output,
)
from synthoscope.classifier.presets import PRESETS
from synthoscope.images.augmentation import Augmentation
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

MOST_EPOCHS = 10_000

MRI_CNN_LARGEST = 256
"""Side up to which the third seed paper's network is built as printed: its dense layer grows with the side squared."""

_SMALLEST: Mapping[str, int] = dict.fromkeys(TRANSFER_PRESETS, 64)

_TRANSFER_ONLY = ("weights", "frozen_epochs", "backbone_rate", "head")

_ENUMS: Mapping[str, type[StrEnum]] = {
    "optimizer": Optimizer,
    "schedule": LearningRateSchedule,
    "class_balance": Balance,
    "head": Head,
    "output": Output,
}


def from_message(message: ClassifierTrainingConfig, field: str = "config") -> ClassifierConfig:
    """The configuration that a message stands for.

    Raises InvalidInput, naming the field as a path below `field`, when a value is out of its range or the network does
    not heed it; ResourceExhausted for more epochs than are allowed.
    """
    preset = PRESETS.get(message.preset)
    if preset is None:
        raise InvalidInput(f"{field}.preset", f"must be one of {', '.join(sorted(PRESETS))}")
    given = {item.name: value for item, value in message.ListFields() if item.name != "horizontal_flip"}
    _check_heeded(given, message.preset, field)
    given |= {"epochs": message.epochs} | _choices(message, field) | _augmentation(message, preset, field)
    config = replace(preset, **given)
    _check(config, field)
    return config


def output_message(output: Output) -> ModelOutput:
    """A model version's word for an output."""
    return {Output.SOFTMAX: ModelOutput.MODEL_OUTPUT_SOFTMAX, Output.FINDINGS: ModelOutput.MODEL_OUTPUT_FINDINGS}[
        output
    ]


def _choices(message: ClassifierTrainingConfig, field: str) -> dict[str, StrEnum]:
    """The values of the message's enums, those that are set."""
    chosen = {}
    for item, number in message.ListFields():
        if item.name in _ENUMS and item.enum_type is not None:
            known = item.enum_type.values_by_number.get(number)
            word = "" if known is None else _word(known.name, item.enum_type.values[0].name)
            if word not in list(_ENUMS[item.name]):
                raise InvalidInput(f"{field}.{item.name}", f"{number} is not known here")
            chosen[item.name] = _ENUMS[item.name](word)
    return chosen


def _word(name: str, unspecified: str) -> str:
    return name.removeprefix(unspecified.removesuffix("UNSPECIFIED")).lower()


def _augmentation(message: ClassifierTrainingConfig, preset: ClassifierConfig, field: str) -> dict[str, Augmentation]:
    changes = preset.augmentation
    if message.HasField("augmentation"):
        changes = Augmentation.from_message(message.augmentation, f"{field}.augmentation")
    if message.HasField("horizontal_flip"):
        changes = replace(changes, horizontal_flip=message.horizontal_flip)
    return {"augmentation": changes}


def _check_heeded(given: Mapping[str, object], preset: str, field: str) -> None:
    for name in _TRANSFER_ONLY:
        if name in given and preset not in TRANSFER_PRESETS:
            raise InvalidInput(
                f"{field}.{name}",
                f"is for networks with a backbone ({', '.join(sorted(TRANSFER_PRESETS))}), not {preset}",
            )


def _check(config: ClassifierConfig, field: str) -> None:
    if config.epochs > MOST_EPOCHS:
        raise ResourceExhausted(f"{field}.epochs: must be in [1, {MOST_EPOCHS}]")
    # Written as "is it within", so that NaN is refused as well.
    rules = (
        ("epochs", config.epochs >= 1, f"must be in [1, {MOST_EPOCHS}]"),
        ("image_size", 32 <= config.image_size <= 1024, "must be in [32, 1024]"),
        ("batch_size", 1 <= config.batch_size <= 1024, "must be in [1, 1024]"),
        ("learning_rate", 0 < config.learning_rate <= 1, "must be in (0, 1]"),
        ("weight_decay", 0 <= config.weight_decay < 1, "must be in [0, 1)"),
        ("dropout", 0 <= config.dropout < 1, "must be in [0, 1)"),
        ("label_smoothing", 0 <= config.label_smoothing < 1, "must be in [0, 1)"),
        ("evaluation_crop", 0 <= config.evaluation_crop <= 0.8, "must be in [0, 0.8]"),
        ("robustness_images", 0 <= config.robustness_images <= 10_000, "must be in [0, 10000]"),
        ("mixup", 0 <= config.mixup <= 10, "must be in [0, 10]"),
        ("ema_decay", 0 <= config.ema_decay < 1, "must be in [0, 1)"),
        ("early_stopping_patience", config.early_stopping_patience >= 1, "must be at least 1"),
        ("plateau_patience", config.plateau_patience >= 1, "must be at least 1"),
        ("validation_fraction", 0 < config.validation_fraction <= 0.5, "must be in (0, 0.5]"),
        ("steps_per_epoch", 0 <= config.steps_per_epoch <= 1_000_000, "must be in [0, 1000000]"),
        ("frozen_epochs", config.frozen_epochs >= ALL_EPOCHS, "must be -1 (all epochs) or at least 0"),
        ("backbone_rate", 0 < config.backbone_rate <= 1, "must be in (0, 1]"),
        ("workers", 1 <= config.workers <= 64, "must be in [1, 64]"),
        ("seed", config.seed >= 0, "must be in [0, 2^63)"),
    )
    for name, within, description in rules:
        if not within:
            raise InvalidInput(f"{field}.{name}", description)
    _check_together(config, field)


def _check_together(config: ClassifierConfig, field: str) -> None:
    if config.batch_size % config.workers:
        raise InvalidInput(f"{field}.batch_size", f"must be a multiple of the number of workers, {config.workers}")
    if config.preset == "vgg16-xray" and config.batch_size < 2 * config.workers:
        raise InvalidInput(
            f"{field}.batch_size", "must be at least 2 for each worker: vgg16-xray's batch norms need two images"
        )
    if config.mixup and (config.batch_size // config.workers) % 2:
        raise InvalidInput(f"{field}.batch_size", "must be even on each worker, so that mixup can mix pairs of images")
    if config.preset == "cnn-mri" and config.image_size > MRI_CNN_LARGEST:
        raise InvalidInput(
            f"{field}.image_size",
            f"must be at most {MRI_CNN_LARGEST} for cnn-mri, whose dense layer would have "
            f"{8 * config.image_size**2:,} weights; cnn-mri-pooled takes any size",
        )
    if config.preset in _SMALLEST and config.image_size < _SMALLEST[config.preset]:
        raise InvalidInput(f"{field}.image_size", f"must be at least {_SMALLEST[config.preset]} for {config.preset}")
    if config.output is Output.FINDINGS and config.class_balance is not Balance.NONE:
        raise InvalidInput(f"{field}.class_balance", "must be none for findings: an image can have several")
    if config.output is not Output.FINDINGS and config.no_finding:
        raise InvalidInput(f"{field}.no_finding", "is for output FINDINGS only")
    _check_operating_point(config, field)


def _check_operating_point(config: ClassifierConfig, field: str) -> None:
    if not config.operating_label and not config.operating_sensitivity:
        return
    if config.output is Output.FINDINGS:
        raise InvalidInput(f"{field}.operating_label", "is not for findings: each is decided by itself")
    if not config.operating_label:
        raise InvalidInput(f"{field}.operating_label", "must name the class whose sensitivity is set")
    # Written as "is it within", so that NaN is refused as well.
    if not 0.5 <= config.operating_sensitivity < 1:
        raise InvalidInput(f"{field}.operating_sensitivity", "must be in [0.5, 1) where operating_label is set")
