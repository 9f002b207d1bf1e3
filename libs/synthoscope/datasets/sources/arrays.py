"""NumPy archives in the form of MedMNIST: {train,val,test}_images and _labels in one .npz file.

Images are uint8, N × height × width (grey) or N × height × width × 3 (RGB); labels integers, N or N × 1. Each image
becomes a PNG file. The arrays are unpacked to a temporary folder and mapped, so that memory holds one image at a time.
"""

import math
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources import archives
from synthoscope.datasets.sources.scan import MOST_FILES, Scan, SourceFile, SourceImage, no_images
from synthoscope.images.storage import encode_png
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

LARGEST_ARRAY = 16 << 30
"""Bytes of one array; MedMNIST's largest has 8 GB."""

LARGEST_SIDE = 4096
_COPIED_BYTES = 1 << 20
_SPLITS = {"train": Split.SPLIT_TRAIN, "test": Split.SPLIT_TEST}


@contextmanager
def scan_arrays(file: Path, class_names: Sequence[str] = ()) -> Iterator[Scan]:
    """The images of an .npz file; `class_names` by label, else the labels as numbers ("0", "1"; "00" when over ten).

    Validation images are not used, since they are held out of the training split. Raises InvalidInput for arrays of
    another form, more or fewer labels than images, several labels an image, or a label without a name;
    ResourceExhausted for arrays over 16 GiB.
    """
    with archives.open_archive(file, LARGEST_ARRAY) as archive, tempfile.TemporaryDirectory() as folder:
        members = {entry.filename: entry for entry in archive.infolist()}
        splits = [name for name in _SPLITS if f"{name}_images.npy" in members]
        if not splits:
            raise InvalidInput("source", f"{file.name} has no arrays train_images and train_labels")
        labels = {name: _labels(archive, members, name) for name in splits}
        names = _class_names(np.concatenate(list(labels.values())), class_names, file)
        images: list[SourceImage] = []
        for split in splits:
            pixels = _pixels(archive, members[f"{split}_images.npy"], Path(folder))
            if len(pixels) != len(labels[split]):
                raise InvalidInput(
                    f"{split}_labels", f"has {len(labels[split])} labels for {len(pixels)} images; each needs one"
                )
            images += _images(split, pixels, [names[label] for label in labels[split]])
        if not images:
            raise no_images(file)
        notes = ("val_images is not used; validation images are held out of train",)
        yield Scan(tuple(images), tuple(sorted(set(names))), notes if "val_images.npy" in members else ())


def _images(split: str, pixels: NDArray[np.uint8], labels: Sequence[str]) -> Iterator[SourceImage]:
    for index, label in enumerate(labels):
        path = f"{split}/{label}/{index:06d}.png"
        yield SourceImage(path, _SPLITS[split], label, SourceFile(path, partial(_encode, pixels, index)))


def _encode(pixels: NDArray[np.uint8], index: int) -> bytes:
    return encode_png(np.ascontiguousarray(pixels[index]))


def _pixels(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> NDArray[np.uint8]:
    """Unpacks an array of images into `folder` and maps it."""
    with archives.opened(archive, entry) as content:
        shape, dtype = _header(content, entry.filename)
        if dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)):
            raise InvalidInput(
                entry.filename,
                f"has {dtype} values and shape {shape}; expected uint8, N × height × width (× 3 for RGB)",
            )
        if not all(1 <= side <= LARGEST_SIDE for side in shape[1:3]):
            raise InvalidInput(entry.filename, f"has images of {shape[1:3]} pixels; sides may be 1 to {LARGEST_SIDE}")
        if shape[0] > MOST_FILES:
            raise ResourceExhausted(f"{entry.filename}: has {shape[0]} images; at most {MOST_FILES} are accepted")
        unpacked = folder / entry.filename
        with unpacked.open("wb") as file:
            while block := content.read(_COPIED_BYTES):
                file.write(block)
    if unpacked.stat().st_size != math.prod(shape):
        raise InvalidInput(entry.filename, "is damaged: it has more or fewer values than its shape says")
    return np.memmap(unpacked, np.uint8, "r", shape=shape) if math.prod(shape) else np.empty(shape, np.uint8)


def _labels(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], split: str) -> NDArray[np.int64]:
    name = f"{split}_labels.npy"
    if name not in members:
        raise InvalidInput(
            name.removesuffix(".npy"), f"is absent, but {split}_images is there; each image needs a label"
        )
    if members[name].file_size > 8 * MOST_FILES + 4096:
        raise ResourceExhausted(f"{name}: has more than {MOST_FILES} labels")
    try:
        labels = np.lib.format.read_array(BytesIO(archives.read_entry(archive, members[name])), allow_pickle=False)
    except ValueError as error:
        raise InvalidInput(name, "cannot be read as an array of numbers") from error
    if labels.dtype.kind not in "iu" or labels.ndim > 2 or labels.size != len(labels):
        raise InvalidInput(
            name,
            f"has {labels.dtype} values and shape {labels.shape}; expected integers, one label an image (N or N × 1)",
        )
    return labels.reshape(-1).astype(np.int64)


def _header(content: IO[bytes], name: str) -> tuple[tuple[int, ...], np.dtype[np.uint8]]:
    try:
        version = np.lib.format.read_magic(content)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read(content)
    except ValueError as error:
        raise InvalidInput(name, "is no NumPy array, or a damaged one") from error
    if fortran_order:
        raise InvalidInput(name, "is in Fortran order; save it with numpy.ascontiguousarray")
    return shape, dtype


def _class_names(labels: NDArray[np.int64], given: Sequence[str], file: Path) -> Sequence[str]:
    """Class names by label."""
    highest = int(labels.max(initial=0))
    if labels.min(initial=0) < 0 or highest > 999:
        raise InvalidInput("train_labels", "has labels outside [0, 999]")
    if not given:
        return [f"{label:0{len(str(highest))}d}" for label in range(highest + 1)]
    if len(given) <= highest:
        raise InvalidInput("class_names", f"has {len(given)} names, but {file.name} has label {highest}")
    return given
