"""What the fields of a GAN's configuration may be. Needs no torch."""

from collections.abc import Mapping
from typing import Any

from synthoscope.gan.presets import PRESETS
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

MOST_EPOCHS = 10_000

_MOST_STEPS = 2**31 - 1

_WHOLE: Mapping[str, tuple[int, int]] = {
    "epochs": (1, MOST_EPOCHS),
    "batch_size": (2, 1024),
    "workers": (1, 64),
    "min_workers": (0, 64),
    "sample_every": (1, _MOST_STEPS),
    "checkpoint_every": (1, _MOST_STEPS),
    "width": (1, 256),
    "critic_steps": (1, 20),
    "penalty_every": (1, 64),
}

_REAL: Mapping[str, str] = {
    "learning_rate": "(0, 1]",
    "beta1": "[0, 1)",
    "beta2": "[0, 1)",
    "generator_rate": "(0, 100]",
    "final_rate": "(0, 1]",
    "gradient_penalty": "[0, 1000]",
    "r1": "[0, 1000]",
    "r2": "[0, 1000]",
    "final_penalty": "(0, 100]",
    "weight_clip": "[0, 1]",
    "weight_decay": "[0, 1)",
    "class_weight": "[0, 100]",
    "code_weight": "[0, 100]",
    "ema_kimg": "[0, 100000]",
    "augment": "[0, 1)",
    "augment_ramp": "[0, 1]",
    "class_ramp": "[0, 1]",
    "measure_kimg": "[0, 100000]",
}


def check_ranges(values: Mapping[str, Any]) -> None:
    """Raises InvalidInput for a value out of its range, ResourceExhausted for more epochs than are allowed."""
    for epochs in (values["epochs"], *values["class_epochs"].values()):
        if epochs > MOST_EPOCHS:
            raise ResourceExhausted(f"config.epochs: must be in [1, {MOST_EPOCHS}]")
    if any(epochs < 1 for epochs in values["class_epochs"].values()):
        raise InvalidInput("config.class_epochs", f"every value must be in [1, {MOST_EPOCHS}]")
    for field, (least, most) in _WHOLE.items():
        if not least <= values[field] <= most:
            raise InvalidInput(f"config.{field}", f"must be in [{least}, {most}]")
    for field, interval in _REAL.items():
        if not _inside(values[field], interval):
            raise InvalidInput(f"config.{field}", f"must be in {interval}")
    if values["channels"] not in (1, 3):
        raise InvalidInput("config.channels", "must be 1, grey, or 3, RGB")
    if values["seed"] < 0:
        raise InvalidInput("config.seed", "must be in [0, 2^63)")


def check_fit(name: str, given: Mapping[str, Any]) -> None:
    """Raises InvalidInput for a given value that the preset cannot do, saying what it can."""
    preset = PRESETS[name]
    for field, value in given.items():
        if not preset.heeds(field) and value != preset.defaults[field]:
            others = sorted(other for other, each in PRESETS.items() if each.heeds(field))
            raise InvalidInput(f"config.{field}", f"is no option of preset {name}; it is one of {', '.join(others)}")
    size = given.get("image_size", preset.defaults["image_size"])
    if size not in preset.sizes:
        known = ", ".join(map(str, preset.sizes))
        raise InvalidInput("config.image_size", f"must be one of {known} for preset {name}")
    if given.get("conditioning", preset.defaults["conditioning"]) not in preset.conditionings:
        known = " or ".join(conditioning.name for conditioning in preset.conditionings)
        raise InvalidInput("config.conditioning", f"must be {known} for preset {name}")


def _inside(value: float, interval: str) -> bool:
    """Whether a number lies in an interval such as "(0, 1]"; NaN lies in none."""
    low, high = (float(end) for end in interval[1:-1].split(","))
    above = value > low if interval[0] == "(" else value >= low
    below = value < high if interval[-1] == ")" else value <= high
    return above and below
