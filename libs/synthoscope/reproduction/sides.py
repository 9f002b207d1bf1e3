"""A recipe at smaller sides: a network sees four times as many images in the same time at half of them."""

from dataclasses import replace
from typing import TypeVar

from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.classifier import parsing
from synthoscope.gan import config as gan_config
from synthoscope.gan.presets import PRESETS
from synthoscope.reproduction.recipe import Gan, Network, Recipe, Step, SyntheticImages

LEAST = 64
"""Pixels; no side becomes smaller."""

Config = TypeVar("Config", GanTrainingConfig, ClassifierTrainingConfig)


def divided(recipe: Recipe, divisor: int) -> Recipe:
    """The recipe with all sides divided, down to LEAST; a generator that cannot make smaller images stays as it is."""
    steps = {name: _step(step, divisor) for name, step in recipe.steps.items()}
    return replace(recipe, steps=steps, divisor=recipe.divisor * divisor)


def _step(step: Step, divisor: int) -> Step:
    match step:
        case Gan():
            whole = gan_config.from_message(step.config)
            side = _side(whole.image_size, divisor)
            return replace(step, config=_sized(step.config, side)) if side in PRESETS[whole.preset].sizes else step
        case Network():
            return replace(
                step, config=_sized(step.config, _side(parsing.from_message(step.config).image_size, divisor))
            )
        case SyntheticImages() if step.options.output_size:
            options = type(step.options)()
            options.CopyFrom(step.options)
            options.output_size = _side(options.output_size, divisor)
            return replace(step, options=options)
    return step


def _side(side: int, divisor: int) -> int:
    return max(min(side, LEAST), side // divisor)


def _sized(config: Config, side: int) -> Config:
    sized = type(config)()
    sized.CopyFrom(config)
    sized.image_size = side
    return sized
