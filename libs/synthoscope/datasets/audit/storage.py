"""A version's audit in the object store: its long lists in parts, then `audit.json`, which names the parts.

The record is not called `manifest.json`, as other records are: the dataset versions' listing would take it for one.
"""

import hashlib
import json
from collections.abc import Iterator

from google.protobuf import json_format

import synthoscope
from synthoscope import names
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, NotFound

CODE_VERSION = f"{synthoscope.__version__}-3"
"""Of the audits that are stored now. Change its last number whenever an audit of the same images finds other things."""

LISTS = ("pairs", "clusters", "label_conflicts", "odd_files")
"""The fields that may be long."""

MOST_ITEMS = 1000
"""Items of one list in a part."""

MOST_BYTES = 1 << 20
"""Bytes of a part as a message, unless a single item has more."""


def audit_name(version_name: str) -> str:
    """The name of a dataset version's audit."""
    return names.DATASET_AUDIT.format(**names.DATASET_VERSION.parse(version_name))


def put(objects: ObjectStore, version_name: str, audit: DatasetAudit) -> DatasetAudit:
    """Stores the audit of a version in place of an earlier one; returns it with name, code version and time."""
    named = DatasetAudit()
    named.CopyFrom(audit)
    named.name, named.code_version = audit_name(version_name), CODE_VERSION
    named.create_time.GetCurrentTime()
    head, *parts = split(named)
    digests = [_put_part(objects, named.name, part) for part in parts]
    record = {"audit": json_format.MessageToDict(head), "parts": digests}
    objects.put(_key(named.name), json.dumps(record).encode())
    kept = {_part_key(named.name, digest) for digest in digests}
    for info in list(objects.list(f"{named.name}/parts/")):
        if info.key not in kept:
            objects.delete(info.key)
    return named


def read(objects: ObjectStore, name: str) -> Iterator[DatasetAudit]:
    """The audit of a name in messages that `MergeFrom` puts together; the first has all but the long lists.

    Raises NotFound when there is none, DataLoss when it cannot be read.
    """
    try:
        record = json.loads(objects.get(_key(name)))
        yield json_format.ParseDict(record["audit"], DatasetAudit(), ignore_unknown_fields=True)
    except NotFound:
        raise NotFound(f"{name} does not exist: submit an audit of the dataset version first") from None
    except (ValueError, KeyError, TypeError, json_format.ParseError) as error:
        raise DataLoss(f"{name} cannot be read") from error
    for digest in record["parts"]:
        yield _get_part(objects, name, digest)


def find(objects: ObjectStore, version_name: str) -> DatasetAudit | None:
    """The whole audit of a dataset version; None when there is none. Raises DataLoss when it cannot be read."""
    whole = DatasetAudit()
    try:
        for part in read(objects, audit_name(version_name)):
            whole.MergeFrom(part)
    except NotFound:
        return None
    return whole


def is_current(objects: ObjectStore, version_name: str) -> bool:
    """Whether a dataset version was audited by this version of the code."""
    try:
        head = next(read(objects, audit_name(version_name)))
    except NotFound:
        return False
    return head.code_version == CODE_VERSION


def split(audit: DatasetAudit) -> Iterator[DatasetAudit]:
    """The audit without its long lists, then the lists in parts; `MergeFrom` puts them together again."""
    head = DatasetAudit()
    head.CopyFrom(audit)
    for field in LISTS:
        head.ClearField(field)
    yield head
    part, size = DatasetAudit(), 0
    for field in LISTS:
        for item in getattr(audit, field):
            if len(getattr(part, field)) == MOST_ITEMS or (size and size + item.ByteSize() > MOST_BYTES):
                yield part
                part, size = DatasetAudit(), 0
            getattr(part, field).append(item)
            size += item.ByteSize()
    if size:
        yield part


def _put_part(objects: ObjectStore, name: str, part: DatasetAudit) -> str:
    data = json_format.MessageToJson(part, indent=None).encode()
    digest = hashlib.sha256(data).hexdigest()
    objects.put(_part_key(name, digest), data)
    return digest


def _get_part(objects: ObjectStore, name: str, digest: str) -> DatasetAudit:
    try:
        data = objects.get(_part_key(name, digest))
    except NotFound:
        raise DataLoss(f"a part of {name} is gone; submit the audit again") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise DataLoss(f"a part of {name} is not the one that was stored; submit the audit again")
    return json_format.Parse(data, DatasetAudit(), ignore_unknown_fields=True)


def _key(name: str) -> str:
    return f"{name}/audit.json"


def _part_key(name: str, digest: str) -> str:
    return f"{name}/parts/{digest}.json"
