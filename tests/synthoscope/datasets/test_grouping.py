import numpy as np
import pytest

from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, DuplicateCluster
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.datasets.audit import storage
from synthoscope.datasets.grouping import NEVER_HELD_OUT, group, grouping_of
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition

JOB = "tenants/default/jobs/j"


def test_copies_and_patients_are_grouped() -> None:
    images = [DatasetImage(path=str(number), patient=patient) for number, patient in enumerate(["p", "", "p", "", ""])]
    grouping = group(images, [["2", "3", "a test image"]])
    assert grouping.numbers.tolist() == [0, 1, 0, 0, 2]
    assert grouping.by == ("copies", "patients")
    for image in images:
        image.ClearField("patient")
    assert group(images, []).by == ("copies",)


def test_synthetic_images_and_what_they_are_copies_of_are_never_held_out() -> None:
    images = [DatasetImage(path=str(number)) for number in range(4)]
    images[2].origin = "tenants/default/syntheticSets/s"
    assert group(images, [["0", "2"]]).numbers.tolist() == [NEVER_HELD_OUT, 1, NEVER_HELD_OUT, 2]


def test_a_job_keeps_the_groups_it_began_with() -> None:
    objects = InMemoryObjectStore()
    pixels = np.arange(5 * 16, dtype=np.uint8).reshape(5, 4, 4)
    images = [
        DatasetImage(
            path=f"{number}.png",
            label="ab"[number % 2],
            split=Split.SPLIT_TEST if number == 0 else Split.SPLIT_TRAIN,
            image=store_pixels(objects, "default", pixels[number]),
        )
        for number in range(5)
    ]
    version = import_version(objects, "tenants/default/datasets/d", images)
    with pytest.raises(FailedPrecondition, match="was not audited"):
        grouping_of(objects, JOB, version)
    storage.put(objects, version.name, DatasetAudit(clusters=[DuplicateCluster(paths=["0.png", "2.png", "4.png"])]))
    first = grouping_of(objects, JOB, version)
    assert first.numbers.tolist() == [0, 1, 2, 1]
    storage.put(objects, version.name, DatasetAudit())
    again = grouping_of(objects, JOB, version)
    assert (again.numbers.tolist(), again.by) == (first.numbers.tolist(), ("copies",))
    assert grouping_of(objects, f"{JOB}2", version).numbers.tolist() == [0, 1, 2, 3]
