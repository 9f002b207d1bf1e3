"""Immutable model versions in the object store: files first, then the record that makes them visible, then `latest`.

Knows bytes and records only, so that a process without torch can serve them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping

from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import ModelFile, ModelVersion
from synthoscope.models import aliases
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import DataLoss, NotFound

WEIGHTS = "weights.safetensors"
"""Path of the weights within a version."""

ONNX = "model.onnx"
"""Path of a classifier's ONNX model within a version."""

BANK = "features.safetensors"
"""Path, within a classifier's version, of what tells images unlike its training images."""

IDENTITY = ("kind", "classes", "preset", "image_size", "config", "lineage", "files", "preprocessing")
"""The fields that a version is a digest of: what was trained, how, on what, and what came out."""


def publish(objects: ObjectStore, name_parent: str, record: ModelVersion, files: Mapping[str, bytes]) -> ModelVersion:
    """Stores a model version below `tenants/{tenant}/models/{model}` and makes it the latest one.

    `record` is given without `name`, `files` and `create_time`, which are filled in here; `files` are bytes by path
    within the version. The version is a digest of the rest, so publishing the same thing again, as a restarted job
    does, returns the version there is. Raises InvalidInput when `name_parent` is not a model's name.
    """
    names.MODEL.parse(name_parent, "name_parent")
    version = ModelVersion()
    version.CopyFrom(record)
    del version.files[:]
    version.files.extend(_describe(path, data) for path, data in sorted(files.items()))
    version.name = f"{name_parent}/versions/{_digest(version)}"
    version.create_time.CopyFrom(_now())
    for path, data in files.items():
        objects.put(f"{version.name}/{path}", data)
    records = Records(objects, ModelVersion)
    if not records.create(version.name, version):
        version = records.get(version.name)
    records.set_latest(version.name)
    return version


def get(objects: ObjectStore, name: str) -> ModelVersion:
    """A model version; `…/versions/latest` is the last one published, `…/versions/champion` the one with that alias.

    Raises InvalidInput when the name has not the form of one, NotFound when there is none, DataLoss when its record is
    damaged.
    """
    return Records(objects, ModelVersion).get(aliases.resolve(objects, name))


def read_file(objects: ObjectStore, record: ModelVersion, path: str) -> bytes:
    """The bytes of one of a version's files.

    Raises NotFound when the version has no such file, DataLoss when it is gone or is not what was published.
    """
    expected = _file(record, path).sha256
    try:
        data = objects.get(f"{record.name}/{path}")
    except NotFound as error:
        raise DataLoss(f"{record.name} has lost its file {path}") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise DataLoss(f"{path} of {record.name} does not have its SHA-256")
    return data


def file_parts(objects: ObjectStore, record: ModelVersion, path: str, size: int) -> Iterator[bytes]:
    """The bytes of one of a version's files, `size` at a time, so that a large one is never held whole.

    Raises NotFound when the version has no such file, DataLoss when it is gone. SHA-256 is the reader's to check.
    """
    key = f"{record.name}/{_file(record, path).path}"
    found = objects.head(key)
    if found is None:
        raise DataLoss(f"{record.name} has lost its file {path}")
    for start in range(0, found.size, size):
        yield objects.get_part(key, start, size)


def _file(record: ModelVersion, path: str) -> ModelFile:
    found = next((file for file in record.files if file.path == path), None)
    if found is None:
        raise NotFound(f"{record.name} has no file {path}; it has {', '.join(file.path for file in record.files)}")
    return found


def tensor_names(objects: ObjectStore, record: ModelVersion, path: str = WEIGHTS) -> frozenset[str]:
    """The names of the tensors in one of a version's weight files; raises as `read_file`.

    A safetensors file begins with the length of its header, 8 bytes little endian, and the header, a JSON object.
    """
    data = read_file(objects, record, path)
    try:
        return frozenset(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])) - {"__metadata__"}
    except ValueError as error:
        raise DataLoss(f"{path} of {record.name} is not a safetensors file") from error


def _describe(path: str, data: bytes) -> ModelFile:
    return ModelFile(path=path, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def _digest(version: ModelVersion) -> str:
    """The first 16 hexadecimal digits of the identifying fields' SHA-256."""
    fields = json_format.MessageToDict(version, preserving_proto_field_name=True)
    identity = json.dumps([fields.get(field) for field in IDENTITY], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _now() -> Timestamp:
    now = Timestamp()
    now.GetCurrentTime()
    return now
