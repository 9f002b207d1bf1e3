"""Made-up images in a paper's folders, so that its recipe can be run without its data."""

import shutil
from pathlib import Path

from synthoscope.datasets.phantoms import write_dataset
from synthoscope.reproduction.recipe import Imported

TRAIN, TEST = 40, 10
"""Images of each phantom class."""

SIDE = 64
"""Of the phantoms, pixels."""


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
