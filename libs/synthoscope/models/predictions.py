"""What a version said of each image that it was measured on: so that versions can be compared on the same images."""

import json
from dataclasses import asdict, dataclass

from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.models.versions import read_file
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss


@dataclass(frozen=True)
class ImagePredictions:
    """By image, in one order: its SHA-256, its class, the class predicted (both as places in `classes`), its group.

    Images of one group (a number from 0) are copies of one picture or of one patient. Where an image has any number of
    findings, each combination of them that occurs is a class: "effusion|mass", and "" for none.
    """

    split: str
    dataset_version: str
    classes: tuple[str, ...]
    images: tuple[str, ...]
    labels: tuple[int, ...]
    predicted: tuple[int, ...]
    groups: tuple[int, ...]

    def to_json(self) -> bytes:
        """Its file's bytes."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "ImagePredictions":
        """What a file holds. Raises ValueError, KeyError or TypeError when it is not one."""
        values = json.loads(data)
        lists = {name: tuple(values[name]) for name in ("classes", "images", "labels", "predicted", "groups")}
        if len({len(lists[name]) for name in ("images", "labels", "predicted", "groups")}) != 1:
            raise ValueError("its lists differ in length")
        return cls(values["split"], values["dataset_version"], **lists)


def path_of(split: str) -> str:
    """The path of a split's file within a version."""
    return f"predictions/{split}.json"


def read(objects: ObjectStore, record: ModelVersion, split: str) -> ImagePredictions | None:
    """A version's predictions on a split; None when it has none. Raises DataLoss when they cannot be read."""
    if not any(file.path == path_of(split) for file in record.files):
        return None
    try:
        return ImagePredictions.from_json(read_file(objects, record, path_of(split)))
    except (ValueError, KeyError, TypeError) as error:
        raise DataLoss(f"{path_of(split)} of {record.name} cannot be read") from error
