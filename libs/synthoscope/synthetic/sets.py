"""Synthetic sets in the object store: images first, then their list (`images.json`), then the record."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from synthoscope import names
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.datasets.loading import load_images
from synthoscope.images.preprocessing import Pipeline
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import DataLoss, NotFound
from synthoscope.synthetic.preprocessing import pipeline_for


@dataclass(frozen=True)
class LabelledSet:
    """A set's images, uint8 RGB N×S×S×3, and their labels, N; the label is empty for a generator without classes."""

    images: NDArray[np.uint8]
    labels: tuple[str, ...]


def get(objects: ObjectStore, name: str, field: str = "name") -> SyntheticSet:
    """A set's record. Raises InvalidInput when `name` has not the form of one, NotFound when there is none."""
    names.SYNTHETIC_SET.parse(name, field)
    return Records(objects, SyntheticSet).get(name)


def publish(objects: ObjectStore, record: SyntheticSet, images: Iterable[SyntheticImage]) -> SyntheticSet:
    """Makes a set visible whose images are stored already; returns its record.

    `record` comes with `name`, `model_version`, `seed`, `grid`, `options` and `tallies`; the rest is filled in here.
    `images` are taken one at a time. A set that is there already, as after a restart, is returned as it is.
    """
    counts: Counter[str] = Counter()
    listing = _encode(_counted(images, counts), record)
    complete = SyntheticSet()
    complete.CopyFrom(record)
    complete.counts.update(counts)
    complete.image_count = counts.total()
    complete.manifest_sha256 = hashlib.sha256(listing).hexdigest()
    complete.create_time.CopyFrom(_now())
    objects.put(_listing_key(record.name), listing)
    records = Records(objects, SyntheticSet)
    return complete if records.create(record.name, complete) else records.get(record.name)


def read_images(objects: ObjectStore, record: SyntheticSet) -> list[SyntheticImage]:
    """The images of a set, by index. Raises DataLoss when their list is gone or is not the one that was published."""
    try:
        listing = objects.get(_listing_key(record.name))
    except NotFound:
        raise DataLoss(f"the list of images of {record.name} is gone") from None
    if hashlib.sha256(listing).hexdigest() != record.manifest_sha256:
        raise DataLoss(f"the list of images of {record.name} is not the one that was published")
    return _decode(listing, names.tenant_of(record.name))


def load(objects: ObjectStore, name: str, pipeline: Pipeline) -> LabelledSet:
    """A set's images, like the real ones that a sized `pipeline` makes, and their labels, by index.

    Raises NotFound for an unknown set, FailedPrecondition when its GAN learned images that were preprocessed in another
    way, DataLoss when stored bytes are not what their digest says.
    """
    images = read_images(objects, get(objects, name))
    pixels = load_images(objects, [image.image for image in images], pipeline_for(objects, name, pipeline))
    return LabelledSet(pixels, tuple(image.label for image in images))


def _counted(images: Iterable[SyntheticImage], counts: Counter[str]) -> Iterator[SyntheticImage]:
    for image in images:
        counts[image.label] += 1
        yield image


def _encode(images: Iterable[SyntheticImage], record: SyntheticSet) -> bytes:
    """The list: how the set was made, then its images, a line each; never more than one of them as objects."""
    made = {
        "options": MessageToDict(record.options),
        "tallies": {label: MessageToDict(tally) for label, tally in sorted(record.tallies.items())},
    }
    listing = bytearray(_compact(made)[:-1] + b',"images":[')
    for image in images:
        row = {
            "label": image.label,
            "candidate": image.candidate,
            "sha256": image.image.sha256,
            "mediaType": image.image.media_type,
            "width": image.image.width,
            "height": image.image.height,
            "mode": image.image.mode,
            "sizeBytes": image.image.size_bytes,
        }
        listing += b"\n" + _compact(row) + b","
    if listing.endswith(b","):
        listing.pop()
    return bytes(listing + b"]}")


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _decode(listing: bytes, tenant: str) -> list[SyntheticImage]:
    return [
        SyntheticImage(
            index=index,
            label=row["label"],
            candidate=row.get("candidate", 0),  # lists from before candidates were counted have none
            image=ImageRef(
                name=names.IMAGE.format(tenant=tenant, sha256=row["sha256"]),
                sha256=row["sha256"],
                media_type=row["mediaType"],
                width=row["width"],
                height=row["height"],
                mode=row["mode"],
                size_bytes=row["sizeBytes"],
                frames=1,
            ),
        )
        for index, row in enumerate(json.loads(listing)["images"])
    ]


def _listing_key(name: str) -> str:
    return f"{name}/images.json"


def _now() -> Timestamp:
    now = Timestamp()
    now.GetCurrentTime()
    return now
