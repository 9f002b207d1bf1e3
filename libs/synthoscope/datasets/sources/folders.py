"""Files in a folder on the caller's disk."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from synthoscope.datasets.paths import is_safe
from synthoscope.datasets.sources.scan import MOST_FILES, SourceFile
from synthoscope.images.decoding import LARGEST_FILE
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted


def files_in(directory: Path) -> tuple[list[SourceFile], list[str]]:
    """The files below a folder and the paths of the folders; opens none of them. Hidden folders are not entered.

    Raises InvalidInput for a name that no dataset can have, ResourceExhausted over a million files.
    """
    files: list[SourceFile] = []
    folders: list[str] = []
    for path, is_folder in _walk(directory):
        if is_folder:
            folders.append(path)
            continue
        if len(files) == MOST_FILES:
            raise ResourceExhausted(f"source: {directory} holds more than {MOST_FILES} files")
        files.append(SourceFile(path, partial(read_file, directory / path, path)))
    return files, folders


def file_in(directory: Path, path: str) -> SourceFile | None:
    """The file of a path below a folder; None when there is none, or when links lead out of the folder."""
    file = directory / path
    if not (is_safe(path) and file.is_file() and file.resolve().is_relative_to(directory.resolve())):
        return None
    return SourceFile(path, partial(read_file, file, path))


def read_file(file: Path, path: str, largest: int = LARGEST_FILE) -> bytes:
    """The bytes of a file that is called `path` in errors. Raises InvalidInput, or ResourceExhausted over `largest`."""
    try:
        with file.open("rb") as content:
            data = content.read(largest + 1)
    except OSError as error:
        raise InvalidInput(path, f"cannot be read: {error.strerror}") from error
    if len(data) > largest:
        raise ResourceExhausted(f"{path}: has more than {largest} bytes")
    return data


def _walk(directory: Path) -> Iterator[tuple[str, bool]]:
    for folder, subfolders, names in os.walk(directory):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        prefix = Path(folder).relative_to(directory)
        yield from (((prefix / name).as_posix(), True) for name in subfolders)
        yield from (((prefix / name).as_posix(), False) for name in sorted(names))
