"""Made-up images in a paper's folders, and its recipe at their size, so that it can be run without its data."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig, GanTrainingConfig
from synthoscope.datasets.phantoms import write_dataset
from synthoscope.gan.presets import PRESETS
from synthoscope.reproduction.recipe import Gan, Imported, Network, Recipe, Step, SyntheticImages

TRAIN, TEST = 40, 10
"""Images of each phantom class."""

SIDE = 64
"""Of the phantoms, pixels; networks of larger images would see nothing more, and take longer."""

Config = TypeVar("Config", GanTrainingConfig, ClassifierTrainingConfig)


def write(images: Imported, folder: Path) -> None:
    """Writes phantoms under the folder's class names; the same again writes the same."""
    write_dataset(folder, TRAIN, TEST, SIDE, seed=1)
    shutil.rmtree(folder / "masks", ignore_errors=True)
    for split in ("train", "test"):
        for made in list((folder / split).iterdir()):
            if made.name not in images.made_up:
                shutil.rmtree(made)
            elif images.made_up[made.name] != made.name:
                made.rename(folder / split / images.made_up[made.name])


def at_their_size(recipe: Recipe) -> Recipe:
    """A recipe whose networks take images of SIDE pixels, where they can."""
    return replace(recipe, steps={name: _step(step) for name, step in recipe.steps.items()})


def _step(step: Step) -> Step:
    match step:
        case Gan():
            possible = SIDE in PRESETS[step.config.preset].sizes
            return replace(step, config=_sized(step.config, SIDE)) if possible else step
        case Network():
            return replace(step, config=_sized(step.config, SIDE))
        case SyntheticImages():
            options = type(step.options)()
            options.CopyFrom(step.options)
            options.output_size = min(options.output_size, SIDE)
            return replace(step, options=options)
    return step


def _sized(config: Config, side: int) -> Config:
    sized = type(config)()
    sized.CopyFrom(config)
    sized.image_size = side
    return sized
