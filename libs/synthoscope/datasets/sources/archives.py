"""ZIP archives that anyone may have made: what they claim is checked before it is believed, and again while reading.

Python's zipfile reads the whole list of entries at once, believes sizes, and skips nothing: bounds come from here.
"""

import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import IO

from synthoscope.datasets.paths import PATH_RULE, is_safe
from synthoscope.datasets.sources.scan import SourceFile
from synthoscope.images.decoding import LARGEST_FILE
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

MOST_ENTRIES = 100_000
LARGEST_LIST = 16 << 20
"""Bytes of an archive's list of entries."""

LARGEST_CONTENT = 64 << 30
"""Bytes of all entries, unpacked."""

LARGEST_EXPANSION = 200
"""How many times larger an archive, or an entry of more than a mebibyte, may become; deflate reaches 1032."""

_ARCHIVES = frozenset({".zip", ".npz", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst"})
_ENTRY = b"PK\x01\x02"
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED = 0x1


@contextmanager
def open_archive(file: Path, largest: int = LARGEST_FILE) -> Iterator[zipfile.ZipFile]:
    """Opens a ZIP archive whose list of entries has been checked; `largest` bounds an entry's bytes.

    Raises InvalidInput for what is no archive, is encrypted, holds archives, links, paths that leave their folder or
    names that collide where case does not count; ResourceExhausted for more than 100,000 entries, or sizes that no
    honest archive of images has.
    """
    with ExitStack() as stack:
        with _translated(file.name):
            content = stack.enter_context(_BoundedFile(file))
            archive = stack.enter_context(zipfile.ZipFile(content))
            content.open_list = False
            _check(archive.infolist(), file, largest)
        yield archive


def files_of(archive: zipfile.ZipFile) -> tuple[list[SourceFile], list[str]]:
    """The files of an archive and the paths of its folders; unpacks none of them."""
    entries = archive.infolist()
    files = [SourceFile(entry.filename, partial(read_entry, archive, entry)) for entry in entries if not entry.is_dir()]
    return files, [entry.filename.rstrip("/") for entry in entries if entry.is_dir()]


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """An entry's bytes, at most those it declares. Raises InvalidInput, naming it, when it is damaged or an archive."""
    with opened(archive, entry) as content:
        data = content.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise InvalidInput(entry.filename, "is damaged: it does not have the size that the archive says")
    if data.startswith(_ZIP_SIGNATURES):
        raise _nested(entry)
    return data


@contextmanager
def opened(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """An entry to read in pieces. Raises InvalidInput, naming it, when it turns out to be damaged."""
    with _translated(entry.filename), archive.open(entry) as content:
        yield content


class _BoundedFile(FileIO):
    """A file of which zipfile cannot read a list of entries that is too long."""

    open_list = True

    def read(self, size: int | None = -1) -> bytes:
        if not self.open_list:
            return super().read(size) or b""
        if size is not None and size > LARGEST_LIST:
            raise ResourceExhausted(f"source: the archive's list of entries has {size} bytes; {_FEWER}")
        data = super().read(size) or b""
        if data.count(_ENTRY) > MOST_ENTRIES:
            raise ResourceExhausted(f"source: the archive has more than {MOST_ENTRIES} entries; {_FEWER}")
        return data


_FEWER = f"at most {MOST_ENTRIES} entries are accepted: unpack it and import the folder"


def _check(entries: Sequence[zipfile.ZipInfo], file: Path, largest: int) -> None:
    names: set[str] = set()
    for entry in entries:
        _check_kind(entry)
        _check_size(entry, largest)
        name = unicodedata.normalize("NFC", entry.filename.rstrip("/")).casefold()
        if name in names:
            raise InvalidInput(entry.filename, "is in the archive twice, or differs from another name by case alone")
        names.add(name)
    packed, unpacked = sum(entry.compress_size for entry in entries), sum(entry.file_size for entry in entries)
    size = file.stat().st_size
    if packed > size:
        raise ResourceExhausted(f"source: entries of {file.name} overlap, as in an archive made to exhaust its reader")
    if unpacked > min(LARGEST_CONTENT, max(LARGEST_EXPANSION * size, 1 << 20)):
        raise ResourceExhausted(
            f"source: {file.name} would unpack from {size} to {unpacked} bytes; at most {LARGEST_EXPANSION} times its "
            f"size and {LARGEST_CONTENT >> 30} GiB are accepted"
        )


def _check_kind(entry: zipfile.ZipInfo) -> None:
    path, mode = entry.filename.removesuffix("/"), entry.external_attr >> 16
    # zipfile cuts names at a zero byte and turns backslashes on some systems: the name as it stands decides.
    if not is_safe(path) or entry.orig_filename != entry.filename:
        raise InvalidInput(repr(entry.orig_filename[:100]), f"in an archive, a path {PATH_RULE}")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InvalidInput(entry.filename, "is a link or another special file; an archive may hold files and folders")
    if entry.flag_bits & _ENCRYPTED:
        raise InvalidInput(entry.filename, "is encrypted; send an archive without a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidInput(entry.filename, "is packed in an unusual way; pack the archive with deflate")
    if PurePosixPath(path).suffix.lower() in _ARCHIVES:
        raise _nested(entry)


def _check_size(entry: zipfile.ZipInfo, largest: int) -> None:
    if entry.file_size > largest:
        raise ResourceExhausted(f"{entry.filename}: has {entry.file_size} bytes; at most {largest} are accepted")
    if entry.file_size > max(1 << 20, LARGEST_EXPANSION * entry.compress_size):
        raise ResourceExhausted(
            f"{entry.filename}: would unpack from {entry.compress_size} to {entry.file_size} bytes; at most "
            f"{LARGEST_EXPANSION} times its size is accepted"
        )


def _nested(entry: zipfile.ZipInfo) -> InvalidInput:
    return InvalidInput(entry.filename, "is an archive within the archive; unpack it first")


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """The one place where zipfile's errors become ours."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
        raise InvalidInput(name, "is no ZIP archive, or a damaged one: its contents cannot be read") from error
    except OSError as error:
        raise InvalidInput(name, f"cannot be read: {error.strerror or 'it is damaged'}") from error
