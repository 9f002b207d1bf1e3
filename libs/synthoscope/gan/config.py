"""How to train a GAN: the configuration, and the checks that turn a request's message into one. Needs no torch."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from synthoscope.api.training.v1.training_pb2 import GanConditioning, GanOptimizer, GanTrainingConfig
from synthoscope.gan import limits
from synthoscope.gan.presets import PRESETS, Conditioning, Optimizer
from synthoscope.rpc.errors import InvalidInput

__all__ = ["PRESETS", "Conditioning", "GanConfig", "Optimizer", "from_message"]

_CONDITIONING: Mapping[int, Conditioning] = {
    GanConditioning.GAN_CONDITIONING_UNCONDITIONAL: Conditioning.UNCONDITIONAL,
    GanConditioning.GAN_CONDITIONING_PER_CLASS: Conditioning.PER_CLASS,
    GanConditioning.GAN_CONDITIONING_CONDITIONAL: Conditioning.CONDITIONAL,
}
_OPTIMIZER: Mapping[int, Optimizer] = {
    GanOptimizer.GAN_OPTIMIZER_ADAM: Optimizer.ADAM,
    GanOptimizer.GAN_OPTIMIZER_RMSPROP: Optimizer.RMSPROP,
}

_OF_PRESET: Any = None
"""A field that is left out takes the preset's value."""


@dataclass(frozen=True)
class GanConfig:
    """A GAN's training configuration: the message GanTrainingConfig gives meanings, ranges and units.

    `batch_size` counts images per step over all workers; `sample_every` and `checkpoint_every` count steps.
    """

    preset: str
    epochs: int
    conditioning: Conditioning = _OF_PRESET
    batch_size: int = _OF_PRESET
    learning_rate: float = _OF_PRESET
    beta1: float = _OF_PRESET
    workers: int = _OF_PRESET
    sample_every: int = _OF_PRESET
    checkpoint_every: int = _OF_PRESET
    seed: int = _OF_PRESET
    image_size: int = _OF_PRESET
    channels: int = _OF_PRESET
    width: int = _OF_PRESET
    optimizer: Optimizer = _OF_PRESET
    beta2: float = _OF_PRESET
    generator_rate: float = _OF_PRESET
    final_rate: float = _OF_PRESET
    critic_steps: int = _OF_PRESET
    gradient_penalty: float = _OF_PRESET
    r1: float = _OF_PRESET
    r2: float = _OF_PRESET
    final_penalty: float = _OF_PRESET
    penalty_every: int = _OF_PRESET
    spectral_norm: bool = _OF_PRESET
    minibatch_discrimination: bool = _OF_PRESET
    weight_clip: float = _OF_PRESET
    weight_decay: float = _OF_PRESET
    class_weight: float = _OF_PRESET
    code_weight: float = _OF_PRESET
    ema_kimg: float = _OF_PRESET
    augment: float = _OF_PRESET
    augment_ramp: float = _OF_PRESET
    horizontal_flip: bool = _OF_PRESET
    class_ramp: float = _OF_PRESET
    class_epochs: Mapping[str, int] = _OF_PRESET
    start_from: str = _OF_PRESET
    measure_kimg: float = _OF_PRESET
    mixed_precision: bool = _OF_PRESET
    channels_last: bool = _OF_PRESET
    compile: bool = _OF_PRESET
    min_workers: int = _OF_PRESET

    def __post_init__(self) -> None:
        defaults = PRESETS[self.preset].defaults
        for field in fields(self):
            if getattr(self, field.name) is _OF_PRESET:
                object.__setattr__(self, field.name, defaults[field.name])

    def epochs_of(self, label: str) -> int:
        """Passes over the images of a class; over all of them for the empty label."""
        return self.class_epochs.get(label, self.epochs)

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON values, which `from_json` reads; the seed is a string, for it needs 63 bits."""
        words = {"conditioning": self.conditioning.value, "optimizer": self.optimizer.value, "seed": str(self.seed)}
        return {**asdict(self), **words}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "GanConfig":
        """Reads what `to_json` wrote. Keys it does not know are left out; numbers that lost their type get it back.

        A field that is missing takes the preset's value, so that what was written before the field was there is read.
        """
        kinds = {field.name: field.type for field in fields(cls)}
        known = {name: value for name, value in values.items() if name in kinds}
        whole = {name: int(value) for name, value in known.items() if kinds[name] is int}
        words = {name: kind(known[name]) for name, kind in _WORDS.items() if name in known}
        epochs = {label: int(number) for label, number in dict(known.get("class_epochs", {})).items()}
        return cls(**known | whole | words | {"class_epochs": epochs})


_WORDS = {"conditioning": Conditioning, "optimizer": Optimizer}


def from_message(message: GanTrainingConfig) -> GanConfig:
    """The configuration a message asks for, fields left out taken from the preset.

    Raises InvalidInput, naming the field, for a value out of range or one that does not fit the preset;
    ResourceExhausted for more epochs than are allowed.
    """
    if message.preset not in PRESETS:
        raise InvalidInput("config.preset", f"must be one of {', '.join(PRESETS)}")
    given: dict[str, Any] = {descriptor.name: value for descriptor, value in message.ListFields()}
    given["class_epochs"] = dict(message.class_epochs)
    if "conditioning" in given:
        if message.conditioning not in _CONDITIONING:
            raise InvalidInput("config.conditioning", "must be UNCONDITIONAL, PER_CLASS or CONDITIONAL")
        given["conditioning"] = _CONDITIONING[message.conditioning]
    if "optimizer" in given:
        if message.optimizer not in _OPTIMIZER:
            raise InvalidInput("config.optimizer", "must be ADAM or RMSPROP")
        given["optimizer"] = _OPTIMIZER[message.optimizer]
    config = GanConfig(**{"epochs": 0} | given)
    limits.check_ranges({field.name: getattr(config, field.name) for field in fields(config)})
    limits.check_fit(config.preset, {name: getattr(config, name) for name in given})
    _check_workers(config)
    if config.minibatch_discrimination or config.preset == "infogan":
        _check_company(config)
    if config.class_epochs and config.conditioning is not Conditioning.PER_CLASS:
        raise InvalidInput("config.class_epochs", "needs config.conditioning PER_CLASS: else there is one GAN")
    return config


def _check_workers(config: GanConfig) -> None:
    """Each number of workers that there may be must get equal parts of a batch."""
    if config.min_workers > config.workers:
        raise InvalidInput("config.min_workers", f"must be at most config.workers, which is {config.workers}")
    if config.batch_size % config.workers:
        raise InvalidInput("config.batch_size", f"must be a multiple of config.workers, which is {config.workers}")
    multiple = math.lcm(*range(config.min_workers or config.workers, config.workers + 1))
    if config.batch_size % multiple:
        raise InvalidInput(
            "config.batch_size",
            f"must be a multiple of {multiple}: of every number from config.min_workers to config.workers",
        )


def _check_company(config: GanConfig) -> None:
    """What compares an image with others needs two in every shard; a worker that is alone takes two shards."""
    least = 2 * max(config.workers, 2)
    if config.batch_size < least:
        reason = "minibatch discrimination" if config.minibatch_discrimination else f"preset {config.preset}"
        raise InvalidInput("config.batch_size", f"must be at least {least} for {reason}")
