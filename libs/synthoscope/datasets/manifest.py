"""The list of a dataset version's images, kept as `images.json` beside the version's record."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf import json_format

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Derivation, Split
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, NotFound

SPLIT_NAMES = {Split.SPLIT_TRAIN: "train", Split.SPLIT_TEST: "test"}
_SPLITS = {name: split for split, name in SPLIT_NAMES.items()}


def version_id(
    images: Iterable[DatasetImage], preprocessing: Preprocessing | None = None, derivation: Derivation | None = None
) -> str:
    """16 hexadecimal digits of SHA-256 over the sorted (path, split, label, image SHA-256, patient, frame, attributes).

    Patient, frame and attributes count for images that have one, preprocessing and derivation when they are given: a
    version that was made in another way is another one.
    """
    rows: list[Any] = sorted(
        [image.path, SPLIT_NAMES[image.split], image.label, image.image.sha256]
        + ([image.patient, image.frame] if image.patient or image.frame else [])
        + [f"{name}={value}" for name, value in sorted(image.attributes.items())]
        for image in images
    )
    made = [
        {message.DESCRIPTOR.name: json_format.MessageToDict(message)}
        for message in (preprocessing, derivation)
        if message is not None
    ]
    text = json.dumps([*rows, *made], ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def encode(images: Iterable[DatasetImage]) -> bytes:
    """The manifest of these images, in order of their paths."""
    rows = [_row(image) for image in sorted(images, key=lambda image: image.path)]
    return json.dumps({"images": rows}, separators=(",", ":")).encode()


def decode(data: bytes, tenant: str) -> list[DatasetImage]:
    """A tenant's images of a manifest, in order of their paths. Raises DataLoss when it cannot be read."""
    try:
        return [_image(row, tenant) for row in json.loads(data)["images"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DataLoss("a dataset's manifest cannot be read") from error


def changed(image: DatasetImage, /, **fields: Any) -> DatasetImage:
    """A copy of an image with these values of these fields."""
    copy = DatasetImage()
    copy.CopyFrom(image)
    for name in fields:
        copy.ClearField(name)
    copy.MergeFrom(DatasetImage(**fields))
    return copy


def key(version_name: str) -> str:
    """The object key of a version's manifest."""
    return f"{version_name}/images.json"


def read(objects: ObjectStore, version: DatasetVersion) -> Sequence[DatasetImage]:
    """The images of a version, in order of their paths.

    Raises DataLoss when the manifest is gone or is not the one that was imported.
    """
    try:
        data = objects.get(key(version.name))
    except NotFound:
        raise DataLoss(f"the manifest of {version.name} is gone") from None
    if hashlib.sha256(data).hexdigest() != version.manifest_sha256:
        raise DataLoss(f"the manifest of {version.name} is not the one that was imported")
    return decode(data, names.tenant_of(version.name))


def _row(image: DatasetImage) -> dict[str, Any]:
    row: dict[str, Any] = {
        "path": image.path,
        "split": SPLIT_NAMES[image.split],
        "label": image.label,
        "sha256": image.image.sha256,
        "mediaType": image.image.media_type,
        "width": image.image.width,
        "height": image.image.height,
        "mode": image.image.mode,
        "sizeBytes": image.image.size_bytes,
    }
    rare: dict[str, Any] = {
        "frames": image.image.frames,
        "patient": image.patient,
        "frame": image.frame,
        "origin": image.origin,
        "attributes": dict(sorted(image.attributes.items())),
    }
    return row | {name: value for name, value in rare.items() if value}


def _image(row: dict[str, Any], tenant: str) -> DatasetImage:
    return DatasetImage(
        path=str(row["path"]),
        split=_SPLITS[str(row["split"])],
        label=str(row["label"]),
        patient=str(row.get("patient", "")),
        frame=int(row.get("frame", 0)),
        origin=str(row.get("origin", "")),
        attributes=row.get("attributes", {}),
        image=ImageRef(
            name=names.IMAGE.format(tenant=tenant, sha256=str(row["sha256"])),
            sha256=str(row["sha256"]),
            media_type=str(row["mediaType"]),
            width=int(row["width"]),
            height=int(row["height"]),
            mode=str(row["mode"]),
            size_bytes=int(row["sizeBytes"]),
            frames=int(row.get("frames", 0)),
        ),
    )
