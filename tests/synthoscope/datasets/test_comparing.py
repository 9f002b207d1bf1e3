import numpy as np
import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.datasets import comparing
from synthoscope.datasets.comparing import compare
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import NotFound

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST
DATASET = "tenants/default/datasets/d"


def imported(objects: InMemoryObjectStore, rows: dict[str, tuple[int, str, int]]) -> str:
    """A version of images by path: split, label and grey value."""
    images = [
        DatasetImage(
            path=path, split=split, label=label, image=store_pixels(objects, "default", np.full((4, 4), grey, np.uint8))
        )
        for path, (split, label, grey) in rows.items()
    ]
    return import_version(objects, DATASET, images).name


def test_what_is_added_removed_moved_relabelled_or_another_picture_is_listed() -> None:
    objects = InMemoryObjectStore()
    before = {"same": (TRAIN, "a", 1), "gone": (TRAIN, "a", 2), "moved": (TRAIN, "a", 3), "relabelled": (TRAIN, "a", 4)}
    before |= {"redrawn": (TRAIN, "b", 5)}
    after = {"same": (TRAIN, "a", 1), "new": (TRAIN, "a", 2), "moved": (TEST, "a", 3), "relabelled": (TRAIN, "b", 4)}
    after |= {"redrawn": (TRAIN, "b", 6)}
    old, new = imported(objects, before), imported(objects, after)
    found = compare(objects, old, new)
    assert (found.unchanged, found.change_count) == (1, 5)
    changes = {change.path: change for change in found.changes}
    assert list(changes) == ["gone", "moved", "new", "redrawn", "relabelled"]
    assert not changes["new"].HasField("before")
    assert not changes["gone"].HasField("after")
    assert (changes["moved"].before.split, changes["moved"].after.split) == (TRAIN, TEST)
    assert (changes["relabelled"].before.label, changes["relabelled"].after.label) == ("a", "b")
    assert changes["redrawn"].before.image.sha256 != changes["redrawn"].after.image.sha256
    assert compare(objects, new, f"{DATASET}/versions/latest").change_count == 0


def test_other_attributes_are_a_change() -> None:
    objects = InMemoryObjectStore()
    ref = store_pixels(objects, "default", np.zeros((4, 4), np.uint8))

    def version(**views: str) -> str:
        images = [
            DatasetImage(path=path, split=TRAIN, label="a", image=ref, attributes={"view": view, "sex": "F"})
            for path, view in views.items()
        ]
        return import_version(objects, DATASET, images).name

    found = compare(objects, version(x="PA", y="PA"), version(x="PA", y="AP"))
    assert (found.unchanged, [change.path for change in found.changes]) == (1, ["y"])
    assert found.changes[0].before.attributes["view"] == "PA"
    assert found.changes[0].after.attributes == {"view": "AP", "sex": "F"}


def test_many_changes_are_counted_and_the_first_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST_CHANGES", 10)
    objects = InMemoryObjectStore()
    one = imported(objects, {"x": (TRAIN, "a", 1)})
    many = imported(objects, {f"{number:05}": (TRAIN, "a", 1) for number in range(15)})
    found = compare(objects, one, many)
    assert (found.change_count, found.unchanged) == (16, 0)
    assert [change.path for change in found.changes] == [f"{number:05}" for number in range(10)]


def test_an_unknown_version_is_not_found() -> None:
    objects = InMemoryObjectStore()
    version = imported(objects, {"x": (TRAIN, "a", 1)})
    with pytest.raises(NotFound):
        compare(objects, version, f"{DATASET}/versions/0123456789abcdef")
