"""What a published GAN's images may be asked to be like, and the checks of such a request. Needs no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationCheckpoint, GenerationOptions
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

CATEGORIES, CONTINUOUS = 10, 2
"""InfoGAN's codes."""

_UNIFORM = ("acgan-xray",)
"""Presets whose latent numbers are uniform in (-1, 1)."""


class Checkpoint(StrEnum):
    """Which of a version's weights make the images: the value is their part in the tensors' names."""

    DEFAULT = ""
    LAST = "generator"
    AVERAGE = "average"
    BEST = "best"


_CHECKPOINTS: Mapping[int, Checkpoint] = {
    GenerationCheckpoint.GENERATION_CHECKPOINT_UNSPECIFIED: Checkpoint.DEFAULT,
    GenerationCheckpoint.GENERATION_CHECKPOINT_LAST: Checkpoint.LAST,
    GenerationCheckpoint.GENERATION_CHECKPOINT_AVERAGE: Checkpoint.AVERAGE,
    GenerationCheckpoint.GENERATION_CHECKPOINT_BEST: Checkpoint.BEST,
}


@dataclass(frozen=True)
class SamplingOptions:
    """How latent vectors are changed and which weights are used; the message GenerationOptions gives the meanings."""

    truncation: float = 0.0
    category: int | None = None
    continuous: Mapping[int, float] = field(default_factory=dict)
    checkpoint: Checkpoint = Checkpoint.DEFAULT

    @classmethod
    def from_message(cls, message: GenerationOptions, preset: str) -> "SamplingOptions":
        """The options for a GAN of a preset. Raises InvalidInput, naming the field, for what it cannot do."""
        most = 1.0 if preset in _UNIFORM else 4.0
        if not 0 <= message.truncation <= most:  # also false for NaN
            raise InvalidInput("options.truncation", f"must be in [0, {most:g}] for preset {preset}; 0 means none")
        if message.checkpoint not in _CHECKPOINTS:
            raise InvalidInput("options.checkpoint", "must be LAST, AVERAGE or BEST")
        codes = message.codes
        if message.HasField("codes") and preset != "infogan":
            raise InvalidInput("options.codes", f"only preset infogan has codes, and this model is of preset {preset}")
        category = codes.category if codes.HasField("category") else None
        if category is not None and not 0 <= category < CATEGORIES:
            raise InvalidInput("options.codes.category", f"must be in [0, {CATEGORIES})")
        for position, value in codes.continuous.items():
            if not 0 <= position < CONTINUOUS:
                raise InvalidInput("options.codes.continuous", f"positions must be in [0, {CONTINUOUS})")
            if not (math.isfinite(value) and -1 <= value <= 1):
                raise InvalidInput(f"options.codes.continuous[{position}]", "must be in [-1, 1]")
        return cls(message.truncation, category, dict(codes.continuous), _CHECKPOINTS[message.checkpoint])


def check_weights(record: ModelVersion, tensors: frozenset[str], checkpoint: Checkpoint, judged: bool) -> None:
    """Raises FailedPrecondition unless a version, of these tensors, has the weights asked for.

    `judged` says that its discriminator is asked for too.
    """
    parts = {name.split(".")[1] for name in tensors if name.startswith("0.")}
    if checkpoint is not Checkpoint.DEFAULT and checkpoint not in parts:
        known = ", ".join(each.name for each in Checkpoint if each and each in parts)
        raise FailedPrecondition(
            f"options.checkpoint: {record.name} has no {checkpoint.name} weights; it has {known or 'none of these'}"
        )
    if judged and "discriminator" not in parts:
        raise FailedPrecondition(
            f"options.filters.discriminator_share: {record.name} was published without its discriminator"
        )
