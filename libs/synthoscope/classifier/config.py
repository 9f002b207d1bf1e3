"""How a classifier is trained: the message's fields checked, what they leave out comes from the preset. No torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from synthoscope.api.training.v1 import training_pb2
from synthoscope.images.augmentation import Augmentation
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

MOST_EPOCHS = 10_000


@dataclass(frozen=True)
class Preset:
    """A network and the defaults of its training; the side of its input in pixels."""

    image_size: int
    batch_size: int = 32
    learning_rate: float = 1e-3
    dropout: float = 0.5
    augmentation: Augmentation = field(default_factory=Augmentation)
    early_stopping_patience: int = 10
    plateau_patience: int = 5
    validation_fraction: float = 0.1


PRESETS: Mapping[str, Preset] = {"cnn-128": Preset(image_size=128), "cnn-64": Preset(image_size=64)}
""""cnn-128" is the first seed paper's network; "cnn-64" has the same layers on 64 px."""


@dataclass(frozen=True)
class ClassifierConfig:
    """A checked training configuration (the message ClassifierTrainingConfig gives ranges and units)."""

    preset: str
    epochs: int
    batch_size: int
    learning_rate: float
    dropout: float
    augmentation: Augmentation
    early_stopping_patience: int
    plateau_patience: int
    validation_fraction: float
    workers: int = 1
    seed: int = 0

    @property
    def image_size(self) -> int:
        """Side of the network's input, pixels."""
        return PRESETS[self.preset].image_size

    @classmethod
    def from_message(cls, message: training_pb2.ClassifierTrainingConfig, field: str = "config") -> "ClassifierConfig":
        """The configuration that a message stands for.

        Raises InvalidInput, naming the field as a path below `field`, when a value is out of its range;
        ResourceExhausted for more epochs than are allowed.
        """
        preset = PRESETS.get(message.preset)
        if preset is None:
            raise InvalidInput(f"{field}.preset", f"must be one of {', '.join(sorted(PRESETS))}")
        config = cls(
            preset=message.preset,
            epochs=message.epochs,
            batch_size=message.batch_size or preset.batch_size,
            learning_rate=message.learning_rate or preset.learning_rate,
            dropout=message.dropout if message.HasField("dropout") else preset.dropout,
            augmentation=_augmentation(message, preset, field),
            early_stopping_patience=message.early_stopping_patience or preset.early_stopping_patience,
            plateau_patience=message.plateau_patience or preset.plateau_patience,
            validation_fraction=message.validation_fraction or preset.validation_fraction,
            workers=message.workers or 1,
            seed=message.seed,
        )
        _check(config, field)
        return config

    def to_json(self) -> dict[str, Any]:
        """The whole configuration as JSON; the seed as a string, since JSON numbers are exact only up to 2^53."""
        return {**asdict(self), "seed": str(self.seed)}


def _augmentation(message: training_pb2.ClassifierTrainingConfig, preset: Preset, field: str) -> Augmentation:
    changes = preset.augmentation
    if message.HasField("augmentation"):
        changes = Augmentation.from_message(message.augmentation, f"{field}.augmentation")
    return replace(changes, horizontal_flip=message.horizontal_flip) if message.HasField("horizontal_flip") else changes


def _check(config: ClassifierConfig, field: str) -> None:
    if config.epochs > MOST_EPOCHS:
        raise ResourceExhausted(f"{field}.epochs: must be in [1, {MOST_EPOCHS}]")
    # Written as "is it within", so that NaN is refused as well.
    rules = (
        ("epochs", config.epochs >= 1, f"must be in [1, {MOST_EPOCHS}]"),
        ("batch_size", 1 <= config.batch_size <= 1024, "must be in [1, 1024]"),
        ("learning_rate", 0 < config.learning_rate <= 1, "must be in (0, 1]"),
        ("dropout", 0 <= config.dropout < 1, "must be in [0, 1)"),
        ("early_stopping_patience", config.early_stopping_patience >= 1, "must be at least 1"),
        ("plateau_patience", config.plateau_patience >= 1, "must be at least 1"),
        ("validation_fraction", 0 < config.validation_fraction <= 0.5, "must be in (0, 0.5]"),
        ("workers", 1 <= config.workers <= 64, "must be in [1, 64]"),
        ("seed", config.seed >= 0, "must be in [0, 2^63)"),
    )
    for name, within, description in rules:
        if not within:
            raise InvalidInput(f"{field}.{name}", description)
    if config.batch_size % config.workers:
        raise InvalidInput(f"{field}.batch_size", f"must be a multiple of the number of workers, {config.workers}")
