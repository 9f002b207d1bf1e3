"""Reading the bytes of a dataset version's images: from shards where there are some, as single objects else."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial

import structlog

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.datasets import shards
from synthoscope.datasets.shards import Reading, ShardWriter
from synthoscope.images.storage import load_image_bytes
from synthoscope.objects import ObjectStore
from synthoscope.pipelining import map_ahead
from synthoscope.rpc.errors import NotFound

FEWEST_PACKED = 16
"""Images that are read singly before shards are made of them."""

_SHARDS_AHEAD = 4
_IMAGE_THREADS = 16
_IMAGES_AHEAD = 32

log = structlog.get_logger()


def read_split(
    objects: ObjectStore, version: DatasetVersion, split: Split, images: Sequence[DatasetImage]
) -> Iterator[tuple[str, bytes]]:
    """Stored bytes by SHA-256 of a split's `images`, each once however often it occurs, in no particular order.

    What has to be read singly is packed into shards for the next reader. At most five shards, and two more while
    packing, are in memory. Raises NotFound when an image is gone, DataLoss when its bytes are not those that were
    stored.
    """
    left = {image.image.sha256: image for image in images}
    readings = shards.choose(shards.find(objects, version), left.keys())
    for found in map_ahead(partial(_open, objects), readings, threads=_SHARDS_AHEAD, ahead=_SHARDS_AHEAD):
        for sha256, part in found.items():
            del left[sha256]
            yield sha256, bytes(part)
    if len(left) < FEWEST_PACKED:
        yield from read_singly(objects, list(left.values()))
        return
    with ShardWriter(objects, version.name, split) as writer:
        for sha256, data in read_singly(objects, list(left.values())):
            writer.add(left[sha256], data)
            yield sha256, data
        writer.finish()


def read_singly(objects: ObjectStore, images: Sequence[DatasetImage]) -> Iterator[tuple[str, bytes]]:
    """Stored bytes by SHA-256, in order. Raises NotFound, or DataLoss when they are not those that were stored."""

    def read(image: DatasetImage) -> tuple[str, bytes]:
        return image.image.sha256, load_image_bytes(objects, image.image.name)

    return map_ahead(read, images, threads=_IMAGE_THREADS, ahead=_IMAGES_AHEAD)


def _open(objects: ObjectStore, reading: Reading) -> dict[str, memoryview]:
    """The images wanted of a shard, by SHA-256: those that are whole."""
    try:
        data = memoryview(objects.get(reading.shard.key))
    except NotFound:
        data = memoryview(b"")
    found = {}
    for sha256 in reading.wanted:
        start, size = reading.shard.spans[sha256]
        image = data[start : start + size]
        if hashlib.sha256(image).hexdigest() == sha256:
            found[sha256] = image
    if len(found) < len(reading.wanted):
        log.warning("shards.damaged", shard=reading.shard.key, images=len(reading.wanted) - len(found))
    return found
