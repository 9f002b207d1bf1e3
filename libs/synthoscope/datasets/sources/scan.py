"""What is found in a source, whatever kind it is of."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.findings import untrained
from synthoscope.rpc.errors import InvalidInput

MOST_FILES = 1_000_000
"""Files of a source; as many images as a dataset version may have."""

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom"})


@dataclass(frozen=True)
class SourceFile:
    """A file of a source: its path within it (forward slashes), and how to get its bytes, at most 64 MiB.

    `read` raises InvalidInput or ResourceExhausted, naming the path, for a file that is damaged or too large, and
    Unavailable when it cannot be reached. Reading twice gives the same bytes; several threads may read at once.
    """

    path: str
    read: Callable[[], bytes] = field(compare=False, repr=False)

    def sha256(self) -> str:
        """SHA-256 of the bytes, hexadecimal; reads them."""
        return hashlib.sha256(self.read()).hexdigest()


@dataclass(frozen=True)
class SourceImage:
    """An image of a source: its path in the dataset, split, class, file, whose it is ("" unknown), frame, attributes.

    The path is the file's; where a file gives several frames, the number of the frame follows ("a.dcm#3").
    """

    path: str
    split: Split
    label: str
    file: SourceFile
    patient: str = ""
    frame: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scan:
    """What a source holds: images by path, the names of all classes (empty ones too), and what to tell the user."""

    images: tuple[SourceImage, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def classes_without_training_images(self) -> list[str]:
        """Classes that nothing can be learnt of, sorted."""
        trained = {image.label for image in self.images if image.split == Split.SPLIT_TRAIN}
        return untrained(self.classes, trained)


def split_of(name: str) -> Split | None:
    """The split that a word stands for (train, training, test, testing; any case); None for another word."""
    return _SPLITS.get(name.lower())


def is_validation(name: str) -> bool:
    """Whether a word stands for validation images, which are not used: they are held out of the training split."""
    return name.lower() in {"val", "valid", "validation"}


def no_images(source: object) -> InvalidInput:
    """The error for a source without a single image."""
    return InvalidInput(
        "source",
        f"{source} holds no images; expected train/CLASS/*.png and test/CLASS/*.png, or CLASS/*.png (or .jpg, .dcm)",
    )


_SPLITS = {
    "train": Split.SPLIT_TRAIN,
    "training": Split.SPLIT_TRAIN,
    "test": Split.SPLIT_TEST,
    "testing": Split.SPLIT_TEST,
}
