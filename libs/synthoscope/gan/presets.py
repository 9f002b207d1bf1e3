"""The presets: which family each belongs to, what it takes when a request leaves a field out. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Conditioning(StrEnum):
    """Which images one generator learns."""

    UNCONDITIONAL = "unconditional"
    PER_CLASS = "per_class"
    CONDITIONAL = "conditional"


class Optimizer(StrEnum):
    """What moves the weights."""

    ADAM = "adam"
    RMSPROP = "rmsprop"


FLEXIBLE_SIZES = tuple(
    sorted(side for base in (4, 5, 6, 7) for doublings in range(2, 8) if 28 <= (side := base << doublings) <= 512)
)
"""Sides, in pixels, that networks of any depth can make: 4 to 7 pixels, doubled."""

EVERYWHERE: Mapping[str, Any] = {
    "conditioning": Conditioning.CONDITIONAL,
    "batch_size": 32,
    "learning_rate": 2e-4,
    "beta1": 0.5,
    "workers": 1,
    "min_workers": 0,
    "sample_every": 200,
    "checkpoint_every": 200,
    "seed": 0,
    "image_size": 64,
    "channels": 3,
    "width": 32,
    "optimizer": Optimizer.ADAM,
    "beta2": 0.999,
    "generator_rate": 1.0,
    "final_rate": 1.0,
    "critic_steps": 1,
    "gradient_penalty": 0.0,
    "r1": 0.0,
    "r2": 0.0,
    "final_penalty": 1.0,
    "penalty_every": 1,
    "spectral_norm": False,
    "minibatch_discrimination": False,
    "weight_clip": 0.0,
    "weight_decay": 0.0,
    "class_weight": 0.0,
    "code_weight": 0.0,
    "ema_kimg": 0.0,
    "augment": 0.0,
    "augment_ramp": 0.0,
    "horizontal_flip": False,
    "class_ramp": 0.0,
    "class_epochs": {},
    "start_from": "",
    "measure_kimg": 20.0,
    "mixed_precision": False,
    "channels_last": True,
    "compile": False,
}
"""What a field of GanConfig is where neither the request nor the preset says otherwise."""

_AUGMENT = {"augment", "augment_ramp"}
_R = {"r1", "r2", "final_penalty", "penalty_every"}
_FREE = {"width", "channels", "minibatch_discrimination", "spectral_norm"} | _AUGMENT
_FIXED = {"minibatch_discrimination", "spectral_norm", "gradient_penalty"} | _R | _AUGMENT
_SOMETIMES = _FREE | _FIXED | {"class_weight", "code_weight", "weight_clip", "class_ramp"}
"""Fields that not every family heeds."""


@dataclass(frozen=True)
class Preset:
    """A family with defaults. `sizes` are the sides it can make; `options` the fields that not every family heeds."""

    family: str
    own: Mapping[str, Any]
    sizes: tuple[int, ...] = FLEXIBLE_SIZES
    options: frozenset[str] = frozenset()
    conditionings: tuple[Conditioning, ...] = tuple(Conditioning)

    @property
    def defaults(self) -> Mapping[str, Any]:
        """What each field of GanConfig takes that a request leaves out."""
        return {**EVERYWHERE, **self.own}

    def heeds(self, field: str) -> bool:
        """Whether setting a field changes anything."""
        return field not in _SOMETIMES or field in self.options


def _preset(family: str, options: set[str], sizes: tuple[int, ...] = FLEXIBLE_SIZES, **own: Any) -> Preset:
    conditionings = own.pop("conditionings", tuple(Conditioning))
    return Preset(family, own, sizes, frozenset(options), conditionings)


_ONE_LABEL = (Conditioning.PER_CLASS, Conditioning.UNCONDITIONAL)

PRESETS: Mapping[str, Preset] = {
    "r3": _preset(
        "r3",
        # No spectral norm: the last layer of its blocks starts at zero, which cannot be brought to norm 1.
        _FREE - {"spectral_norm"} | _R | {"gradient_penalty", "class_ramp"},
        batch_size=8,  # a small budget has more steps then, and there is no batch norm that small batches would harm
        learning_rate=1e-3,
        beta1=0.0,
        beta2=0.99,
        final_rate=0.25,
        r1=0.5,
        r2=0.5,
        final_penalty=0.1,
        ema_kimg=500.0,
        augment=0.3,
        augment_ramp=0.5,
        class_ramp=0.1,
    ),
    "dcgan-128": _preset("dcgan", _FIXED, (128,), image_size=128),
    "dcgan-64": _preset("dcgan", _FIXED, (64,)),
    "sngan-mri": _preset(
        "sngan-mri",
        _FREE | _R | {"gradient_penalty"},
        image_size=256,
        conditioning=Conditioning.PER_CLASS,
        spectral_norm=True,
        sample_every=10,
    ),
    "acgan-xray": _preset(
        "acgan-xray",
        _FIXED | {"class_weight"},
        (64,),
        conditionings=(Conditioning.CONDITIONAL,),
        optimizer=Optimizer.RMSPROP,
        learning_rate=1e-4,
        generator_rate=0.5,
        weight_decay=6e-9,
        class_weight=1.0,
    ),
    "dcgan-xray": _preset(
        "dcgan-xray",
        _FIXED,
        (64,),
        conditionings=_ONE_LABEL,
        conditioning=Conditioning.PER_CLASS,
        learning_rate=1e-4,
    ),
    "lsgan": _preset("lsgan", _FREE, batch_size=64),
    "wgan": _preset(
        "wgan",
        _FREE | {"weight_clip"},
        batch_size=64,
        optimizer=Optimizer.RMSPROP,
        learning_rate=5e-5,
        critic_steps=5,
        weight_clip=0.01,
    ),
    "wgan-gp": _preset(
        "wgan-gp",
        _FREE | _R | {"gradient_penalty"},
        batch_size=64,
        learning_rate=1e-4,
        beta1=0.0,
        beta2=0.9,
        critic_steps=5,
        gradient_penalty=10.0,
    ),
    "infogan": _preset(
        "infogan",
        _FREE | {"code_weight"},
        batch_size=64,
        code_weight=1.0,
        generator_rate=5.0,
    ),
    "ddgan": _preset(
        "ddgan",
        {"width", "channels", "spectral_norm"} | _R,
        learning_rate=1.25e-4,
        generator_rate=1.28,
        final_rate=0.1,
        beta2=0.9,
        r1=0.05,
        penalty_every=10,
        ema_kimg=500.0,
    ),
}
"""The first is the default one."""

DEFAULT_PRESET = "r3"
