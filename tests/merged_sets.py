"""A synthetic set that was merged into a recorded dataset version."""

import hashlib

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.datasets import manifest
from synthoscope.objects import ObjectStore
from synthoscope.records import Records


def merge_into(objects: ObjectStore, dataset_version: str, synthetic_set: str) -> None:
    """Changes the record as if the version had been derived by merging the set into its training split."""
    records = Records(objects, DatasetVersion)
    version = records.get(dataset_version)
    version.derivation.merge.synthetic_sets.append(synthetic_set)
    data = manifest.encode([DatasetImage(path="s", label="a", split=Split.SPLIT_TRAIN, origin=synthetic_set)])
    version.manifest_sha256 = hashlib.sha256(data).hexdigest()
    objects.put(manifest.key(dataset_version), data)
    records.put(dataset_version, version)
