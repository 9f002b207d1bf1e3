"""Shards: a dataset version's images in a few large tar files, in WebDataset's layout, beside the single objects.

A shard is `{version}/shards/{its SHA-256}.tar`. An image in it is two members: `{image's SHA-256}.png` (or .jpg, .dcm)
with the stored bytes, and `{image's SHA-256}.json` with its path, split and label. A split's shards are listed in
`{version}/shards/{split}.json`, written last. Whoever reads the split first makes them. Two that do so at once write
the same bytes; were they not the same, the first list counts.

Shards are a copy to read from, nothing more: labels come from the manifest, every image is checked against its own
digest, and what is lost or damaged is read as a single object.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.datasets import manifest
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import NotFound, SynthoscopeError

SHARD_BYTES = 8 * 1024 * 1024
"""A shard is closed before it gets larger than this. Small enough that decoding soon begins, large beside a request."""

LARGEST_PACKED = 1024 * 1024
"""Bytes of the largest image that goes into shards: a larger one is read as fast on its own."""

REQUEST_BYTES = 256 * 1024
"""One request takes about as long as this many bytes of a running transfer."""

_OVERHEAD = 2 * tarfile.RECORDSIZE  # headers, the JSON member, and what fills the file's last record

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "application/dicom": "dcm"}

log = structlog.get_logger()


@dataclass(frozen=True)
class Shard:
    """A stored shard: its object key, its size in bytes, and by SHA-256 each image's first byte in it and length."""

    key: str
    size: int
    spans: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Reading:
    """A shard to read, for the sake of these images (their SHA-256)."""

    shard: Shard
    wanted: tuple[str, ...]


def find(objects: ObjectStore, version: DatasetVersion) -> list[Shard]:
    """The shards of a version, then those of the versions that it was made of, nearest first.

    A derived version holds mostly its parents' images, so it reads their shards and adds only what they lack.
    """
    names, shards = [version.name], []
    parents = {version.name: list(version.derivation.parents)}
    for name in names:
        shards += [shard for split in manifest.SPLIT_NAMES for shard in _of_split(objects, name, split)]
        for parent in parents[name]:
            if parent not in parents:
                parents[parent] = _parents(objects, parent)
                names.append(parent)
    return shards


def choose(shards: Iterable[Shard], wanted: Set[str]) -> list[Reading]:
    """Which shards to read for images (SHA-256): each that costs less than its images do as single objects."""
    left, chosen = set(wanted), []
    for shard in shards:
        found = tuple(sha256 for sha256 in shard.spans if sha256 in left)
        singly = sum(REQUEST_BYTES + shard.spans[sha256][1] for sha256 in found)
        if REQUEST_BYTES + shard.size <= singly:
            chosen.append(Reading(shard, found))
            left.difference_update(found)
    return chosen


def remove(objects: ObjectStore, version_name: str) -> None:
    """Removes a version's shards, their lists first; nothing happens when there are none."""
    keys = [info.key for info in objects.list(f"{version_name}/shards/")]
    for key in sorted(keys, key=lambda key: key.endswith(".tar")):
        objects.delete(key)


class ShardWriter:
    """Packs images of one split as they come and stores the shards in the background. A context manager.

    Packing is for later readers: when shards cannot be stored, that is logged and the reading goes on without.
    """

    def __init__(self, objects: ObjectStore, version_name: str, split: Split) -> None:
        self._objects = objects
        self._folder = f"{version_name}/shards"
        self._split = manifest.SPLIT_NAMES[split]
        self._uploads = ThreadPoolExecutor(1, "shards")
        self._stored: list[Future[Shard]] = []
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._uploads.shutdown(cancel_futures=True)

    def add(self, image: DatasetImage, data: bytes) -> None:
        """Packs an image, unless it is a large one."""
        if len(data) > LARGEST_PACKED:
            return
        if self._spans and self._tar.offset + len(data) + _OVERHEAD > SHARD_BYTES:
            self._end()
        sha256 = image.image.sha256
        row = {"path": image.path, "split": self._split, "label": image.label}
        start = self._member(f"{sha256}.{_EXTENSIONS[image.image.media_type]}", data)
        self._member(f"{sha256}.json", json.dumps(row).encode())
        self._spans[sha256] = (start, len(data))

    def finish(self) -> None:
        """Stores what is left, and the list of the shards last."""
        if self._spans:
            self._end()
        try:
            shards = [upload.result() for upload in self._stored]
            self._objects.put_if_absent(f"{self._folder}/{self._split}.json", _list(shards))
        except SynthoscopeError as error:
            log.warning("shards.not_stored", shards=self._folder, reason=error.message)

    def _begin(self) -> None:
        self._bytes = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._bytes, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self._spans: dict[str, tuple[int, int]] = {}

    def _member(self, name: str, data: bytes) -> int:
        """Adds a member, timeless and ownerless: the same images give the same shard. Returns where its bytes begin."""
        info = tarfile.TarInfo(name)
        info.size = len(data)
        start = self._tar.offset + tarfile.BLOCKSIZE
        self._tar.addfile(info, io.BytesIO(data))
        return start

    def _end(self) -> None:
        self._tar.close()
        wait(self._stored[-1:])  # so at most two shards are in memory
        self._stored.append(self._uploads.submit(self._store, self._bytes.getvalue(), self._spans))
        self._begin()

    def _store(self, data: bytes, spans: Mapping[str, tuple[int, int]]) -> Shard:
        shard = Shard(f"{self._folder}/{hashlib.sha256(data).hexdigest()}.tar", len(data), spans)
        self._objects.put(shard.key, data)
        return shard


def _list(shards: Iterable[Shard]) -> bytes:
    rows = [
        {
            "sha256": shard.key.rpartition("/")[2].removesuffix(".tar"),
            "sizeBytes": shard.size,
            "images": [[sha256, *span] for sha256, span in shard.spans.items()],
        }
        for shard in shards
    ]
    return json.dumps({"shards": rows}, separators=(",", ":")).encode()


def _of_split(objects: ObjectStore, version_name: str, split: Split) -> list[Shard]:
    folder, name = f"{version_name}/shards", manifest.SPLIT_NAMES[split]
    try:
        return [
            Shard(
                f"{folder}/{row['sha256']}.tar",
                int(row["sizeBytes"]),
                {str(sha256): (int(start), int(size)) for sha256, start, size in row["images"]},
            )
            for row in json.loads(objects.get(f"{folder}/{name}.json"))["shards"]
        ]
    except NotFound:
        return []
    except (ValueError, KeyError, TypeError):
        log.warning("shards.list_damaged", shards=folder, split=name)
        return []


def _parents(objects: ObjectStore, version_name: str) -> list[str]:
    try:
        return list(Records(objects, DatasetVersion).get(version_name).derivation.parents)
    except NotFound:
        return []
