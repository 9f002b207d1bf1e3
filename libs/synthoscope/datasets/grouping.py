"""Which training images stay on one side when some are held out: copies of one picture, and images of one patient.

Decided once for a job and kept below its name. So every attempt and every trial holds out the same images, whatever
later audits find.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.datasets import manifest
from synthoscope.datasets.audit.inheritance import find_clusters
from synthoscope.datasets.splits import Clusters, groups
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.synthetic.preprocessing import is_synthetic

NEVER_HELD_OUT = -1
"""The group of synthetic images that were merged into a version, and of real ones that they are copies of."""

COPIES, PATIENTS = "copies", "patients"


@dataclass(frozen=True)
class Grouping:
    """A group number for each training image, int64 N, in order of their paths; and what made them groups.

    `by` has "copies", and "patients" where any training image's patient is known.
    """

    numbers: NDArray[np.int64]
    by: tuple[str, ...]


def grouping_of(objects: ObjectStore, job: str, version: DatasetVersion) -> Grouping:
    """The groups that a job goes by; decided when it first asks.

    Raises FailedPrecondition when no audit tells which images are copies, DataLoss when something cannot be read.
    """
    key = f"{job}/groups.json"
    if objects.head(key) is None:
        clusters = find_clusters(objects, version)
        if clusters is None:
            raise FailedPrecondition(f"{version.name} was not audited, so which images are copies is not known")
        training = [image for image in manifest.read(objects, version) if image.split == Split.SPLIT_TRAIN]
        decided = group(training, clusters)
        objects.put_if_absent(key, json.dumps({"by": decided.by, "numbers": decided.numbers.tolist()}).encode())
    stored = json.loads(objects.get(key))
    return Grouping(np.array(stored["numbers"], np.int64), tuple(stored["by"]))


def group(images: Sequence[DatasetImage], clusters: Clusters) -> Grouping:
    """The groups of training images, numbered from 0."""
    numbers = np.empty(len(images), np.int64)
    for number, members in enumerate(groups(images, clusters)):
        generated = any(is_synthetic(images[index].origin) for index in members)
        numbers[members] = NEVER_HELD_OUT if generated else number
    return Grouping(numbers, (COPIES, PATIENTS) if any(image.patient for image in images) else (COPIES,))
