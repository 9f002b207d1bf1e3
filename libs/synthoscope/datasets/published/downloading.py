"""Getting a published dataset, and making sure that it is the one that was published."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from synthoscope.datasets.manifest import SPLIT_NAMES
from synthoscope.datasets.published.catalogue import KaggleDataset, PublishedSet, ZenodoFile
from synthoscope.datasets.sources import open_source
from synthoscope.fetching import fetch
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, SynthoscopeError, Unavailable

ZENODO = "https://zenodo.org"

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all (0 while unknown)."""


def download(published: PublishedSet, folder: Path, on_progress: Progress, zenodo: str = ZENODO) -> Path:
    """Downloads a published set into `folder` and gives what can be imported: an .npz file or a folder.

    A download that was interrupted goes on where it stopped; a set that is there is checked, not fetched again. Raises
    DataLoss when what arrives is not what was published, and Unavailable when its host cannot be reached; the message
    says how to get the set by hand.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if isinstance(published.origin, ZenodoFile):
            file = folder / published.origin.file
            fetch(f"{zenodo}{published.origin.path}", file, f"md5:{published.origin.md5}", on_progress)
            return file
        return _from_kaggle(published.origin, folder / published.name)
    except (Unavailable, FailedPrecondition) as error:
        raise type(error)(f"{error.message}. {_by_hand(published)}") from error


def _from_kaggle(dataset: KaggleDataset, folder: Path) -> Path:
    """By kagglehub, which resumes and compares the MD5 that Kaggle sends; the images are counted besides."""
    try:
        import kagglehub  # optional: nothing else needs it
        from kagglehub.exceptions import BackendError, DataCorruptionError
    except ImportError as error:
        raise FailedPrecondition("this needs kagglehub: pip install 'synthoscope[published]'") from error
    try:
        kagglehub.dataset_download(dataset.handle, output_dir=str(folder))
    except DataCorruptionError as error:
        raise DataLoss(f"what Kaggle sent of {dataset.handle} is damaged; download it again") from error
    except (OSError, BackendError) as error:  # the errors of requests are OSErrors
        raise Unavailable(f"Kaggle cannot be reached, or refuses {dataset.handle}") from error
    check_images(dataset, folder)
    return folder


def check_images(dataset: KaggleDataset, folder: Path) -> None:
    """Raises DataLoss when a folder does not hold the number of images that the published set has."""
    try:
        with open_source(folder) as scan:
            found = Counter(SPLIT_NAMES[image.split] for image in scan.images)
    except SynthoscopeError as error:
        raise DataLoss(f"{folder} does not hold {dataset.handle}: {error.message}") from error
    if found != Counter(dataset.images):
        raise DataLoss(f"{folder} holds {dict(found)} images; {dataset.handle} has {dict(dataset.images)}")


def _by_hand(published: PublishedSet) -> str:
    origin = published.origin
    if isinstance(origin, KaggleDataset):
        steps, source = f"download {published.page} and unpack it", "FOLDER"
    else:
        steps, source = f"download {origin.file} from {published.page}", origin.file
    names = f" --class-names '{','.join(published.class_names)}'" if published.class_names else ""
    return f"By hand: {steps}, then: synthoscope dataset import {source} --name {published.name}{names}"
