"""How to train a GAN: presets, and the checks that turn a request's message into a configuration."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Literal

from synthoscope.api.training.v1.training_pb2 import GanConditioning, GanTrainingConfig
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

PRESETS: Mapping[str, int] = {"dcgan-128": 128, "dcgan-64": 64}
"""Side of the square image that each preset makes, in pixels."""

MOST_EPOCHS = 10_000


class Conditioning(StrEnum):
    """Which images one generator learns."""

    UNCONDITIONAL = "unconditional"
    PER_CLASS = "per_class"
    CONDITIONAL = "conditional"


_CONDITIONING: Mapping[int, Conditioning] = {
    GanConditioning.GAN_CONDITIONING_UNSPECIFIED: Conditioning.CONDITIONAL,
    GanConditioning.GAN_CONDITIONING_UNCONDITIONAL: Conditioning.UNCONDITIONAL,
    GanConditioning.GAN_CONDITIONING_PER_CLASS: Conditioning.PER_CLASS,
    GanConditioning.GAN_CONDITIONING_CONDITIONAL: Conditioning.CONDITIONAL,
}


@dataclass(frozen=True)
class GanConfig:
    """A GAN's training configuration. The optimiser is the first seed paper's: Adam, 2e-4, beta1 0.5.

    `batch_size` counts images per step over all workers; `sample_every` and `checkpoint_every` count steps.
    """

    preset: str
    epochs: int
    conditioning: Conditioning = Conditioning.CONDITIONAL
    batch_size: int = 32
    learning_rate: float = 2e-4
    beta1: float = 0.5
    workers: int = 1
    sample_every: int = 200
    checkpoint_every: int = 200
    seed: int = 0

    @property
    def image_size(self) -> int:
        """Side of the square images it learns, in pixels."""
        return PRESETS[self.preset]

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON values, which `from_json` reads; the seed is a string, for it needs 63 bits."""
        return {**asdict(self), "conditioning": self.conditioning.value, "seed": str(self.seed)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "GanConfig":
        """Reads what `to_json` wrote. Keys it does not know are left out; numbers that lost their type get it back."""
        kinds = {field.name: field.type for field in fields(cls)}
        known = {name: value for name, value in values.items() if name in kinds}
        whole = {name: int(value) for name, value in known.items() if kinds[name] is int}
        return cls(**known | whole | {"conditioning": Conditioning(values["conditioning"])})


def from_message(message: GanTrainingConfig) -> GanConfig:
    """The configuration a message asks for, fields left at zero taken from the preset.

    Raises InvalidInput, naming the field, for a value out of range; ResourceExhausted for more epochs than are allowed.
    """
    if message.preset not in PRESETS:
        raise InvalidInput("config.preset", f"must be one of {', '.join(PRESETS)}")
    if message.conditioning not in _CONDITIONING:
        raise InvalidInput("config.conditioning", "must be UNCONDITIONAL, PER_CLASS or CONDITIONAL")
    if message.epochs > MOST_EPOCHS:
        raise ResourceExhausted(f"config.epochs: must be in [1, {MOST_EPOCHS}]")
    preset = GanConfig(message.preset, epochs=1)
    config = GanConfig(
        preset=message.preset,
        conditioning=_CONDITIONING[message.conditioning],
        epochs=_whole(message, "epochs", 0, 1, MOST_EPOCHS),
        batch_size=_whole(message, "batch_size", preset.batch_size, 2, 1024),
        learning_rate=_real(message, "learning_rate", preset.learning_rate, "(0, 1]"),
        beta1=_real(message, "beta1", preset.beta1, "[0, 1)"),
        workers=_whole(message, "workers", preset.workers, 1, 64),
        sample_every=_whole(message, "sample_every", preset.sample_every, 1, 2**31 - 1),
        checkpoint_every=_whole(message, "checkpoint_every", preset.checkpoint_every, 1, 2**31 - 1),
        seed=_seed(message.seed),
    )
    if config.batch_size % config.workers:
        raise InvalidInput("config.batch_size", f"must be a multiple of config.workers, which is {config.workers}")
    return config


def _whole(message: GanTrainingConfig, field: str, preset: int, least: int, most: int) -> int:
    value: int = getattr(message, field) or preset
    if not least <= value <= most:
        raise InvalidInput(f"config.{field}", f"must be in [{least}, {most}]")
    return value


def _real(message: GanTrainingConfig, field: str, preset: float, interval: Literal["(0, 1]", "[0, 1)"]) -> float:
    value: float = getattr(message, field) or preset
    inside = 0 < value <= 1 if interval == "(0, 1]" else 0 <= value < 1
    if not math.isfinite(value) or not inside:
        raise InvalidInput(f"config.{field}", f"must be in {interval}")
    return value


def _seed(value: int) -> int:
    if value < 0:
        raise InvalidInput("config.seed", "must be in [0, 2^63)")
    return value
