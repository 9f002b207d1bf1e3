"""Packs: images and records that came at the same time, stored together as one object.

An object store takes some milliseconds of processor time for an object, however small it is; a pack shares them. It is
a ZIP archive, not compressed, under `tenants/{tenant}/packs/{pack}`: `records/{index}` has a record, `images/{sha256}`
an image, whose metadata is the member's comment, in JSON. A pack never changes. Its id has the times, in µs since 1970,
of the first and the last record that it holds, so that packs sort by time and those of some time are found by name.
"""

import io
import json
import re
import secrets
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from synthoscope import names
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, NotFound

LONGEST = 600_000_000
"""µs from a pack's first record to its last."""

ID = re.compile(r"(?P<first>[0-9a-f]{14})-(?P<span>[0-9a-f]{8})-[0-9a-f]{8}")

_BLOCK = 256 * 1024
"""Bytes that are read of a pack at once."""

_RECORD, _IMAGE = "records/", "images/"


@dataclass(frozen=True)
class PackedImage:
    """An image's bytes, and what is known of it, as an object's metadata."""

    data: bytes
    metadata: Mapping[str, str]


def new_id(first: int, last: int) -> str:
    """The id of a pack whose first and last record are of these times, in µs since 1970, at most LONGEST apart."""
    return f"{first:014x}-{last - first:08x}-{secrets.token_hex(4)}"


def write(
    objects: ObjectStore, tenant: str, pack_id: str, records: Sequence[bytes], images: Mapping[str, PackedImage]
) -> None:
    """Stores a pack of records, and of images by their SHA-256."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for sha256, image in images.items():
            member = zipfile.ZipInfo(f"{_IMAGE}{sha256}")
            member.comment = json.dumps(dict(image.metadata)).encode()
            archive.writestr(member, image.data)
        # Last, beside the archive's directory: one read of its end finds both.
        for index, record in enumerate(records):
            archive.writestr(zipfile.ZipInfo(f"{_RECORD}{index}"), record)
    objects.put(_key(tenant, pack_id), buffer.getvalue())


def records(objects: ObjectStore, tenant: str, pack_id: str) -> Sequence[bytes]:
    """A pack's records. Raises NotFound, or DataLoss when it cannot be read."""
    with _opened(objects, tenant, pack_id) as archive:
        return [archive.read(name) for name in archive.namelist() if name.startswith(_RECORD)]


def image(objects: ObjectStore, tenant: str, pack_id: str, sha256: str) -> PackedImage:
    """An image of a pack. Raises NotFound, or DataLoss when it cannot be read."""
    with _opened(objects, tenant, pack_id) as archive:
        try:
            member = archive.getinfo(f"{_IMAGE}{sha256}")
        except KeyError:
            raise NotFound(f"the pack {pack_id} has no image {sha256}") from None
        return PackedImage(archive.read(member), json.loads(member.comment))


@contextmanager
def _opened(objects: ObjectStore, tenant: str, pack_id: str) -> Iterator[zipfile.ZipFile]:
    key = _key(tenant, pack_id)
    info = objects.head(key)
    if info is None:
        raise NotFound(f"there is no pack {key}")
    try:
        with zipfile.ZipFile(io.BufferedReader(_Ranges(objects, key, info.size))) as archive:
            yield archive
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise DataLoss(f"the pack {key} cannot be read") from error


class _Ranges(io.RawIOBase):
    """An object as a file of which only those blocks are read that are asked for."""

    def __init__(self, objects: ObjectStore, key: str, size: int) -> None:
        self._objects, self._key, self._size = objects, key, size
        self._at = 0
        self._blocks: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a place; raises ValueError before the start."""
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError(f"there is nothing before the start of {self._key}")
        self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        """Reads up to the end of a block."""
        if self._at >= self._size:
            return 0
        number, skipped = divmod(self._at, _BLOCK)
        if number not in self._blocks:
            start = number * _BLOCK
            self._blocks[number] = self._objects.get_part(self._key, start, min(_BLOCK, self._size - start))
        found = self._blocks[number][skipped : skipped + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def since(objects: ObjectStore, tenant: str, time: int) -> Iterator[str]:
    """The ids of the packs with records from a time on, in µs since 1970, in the order of their first records."""
    prefix = _key(tenant, "")
    for info in objects.list(prefix, start_after=f"{prefix}{max(0, time - LONGEST):014x}"):
        pack_id = info.key.removeprefix(prefix)
        found = ID.fullmatch(pack_id)
        if found and int(found["first"], 16) + int(found["span"], 16) >= time:
            yield pack_id


def first_of(pack_id: str) -> int:
    """The time of a pack's first record, in µs since 1970. Raises NotFound for what is no pack's id."""
    found = ID.fullmatch(pack_id)
    if found is None:
        raise NotFound(f"there is no pack {pack_id}")
    return int(found["first"], 16)


def _key(tenant: str, pack_id: str) -> str:
    return f"{names.TENANT.format(tenant=tenant)}/packs/{pack_id}"
