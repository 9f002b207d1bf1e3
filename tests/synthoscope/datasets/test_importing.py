from pathlib import Path

import numpy as np
import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.datasets import manifest
from synthoscope.datasets.importing import check_images, import_version, with_pseudonyms
from synthoscope.datasets.sources import open_source
from synthoscope.images.storage import store_image, store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, ResourceExhausted

DATASET = "tenants/default/datasets/brains"
TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST


def entry(path: str, label: str = "a", split: int = TRAIN, sha256: str = "0" * 64) -> DatasetImage:
    return DatasetImage(path=path, label=label, split=split, image=ImageRef(sha256=sha256))


def stored_entries(objects: InMemoryObjectStore, *rows: tuple[str, str, int]) -> list[DatasetImage]:
    entries = []
    for number, (path, label, split) in enumerate(rows):
        ref = store_pixels(objects, "default", np.full((4, 4 + number), number, np.uint8))
        entries.append(entry(path, label, split, ref.sha256))
    return entries


def test_a_version_says_what_it_holds() -> None:
    objects = InMemoryObjectStore()
    rows = [("train/b/1.png", "b", TRAIN), ("train/a/1.png", "a", TRAIN), ("test/a/1.png", "a", TEST)]
    images = stored_entries(objects, *rows)
    version = import_version(objects, DATASET, images)
    assert version.name == f"{DATASET}/versions/{manifest.version_id(images)}"
    assert list(version.classes) == ["a", "b"]
    assert [(c.split, c.label, c.count) for c in version.counts] == [(TRAIN, "a", 1), (TRAIN, "b", 1), (TEST, "a", 1)]
    assert version.image_count == 3
    assert dict(version.modes) == {"L": 3}
    listed = manifest.read(objects, version)
    assert [image.path for image in listed] == ["test/a/1.png", "train/a/1.png", "train/b/1.png"]
    assert version.size_bytes == sum(image.image.size_bytes for image in listed)
    assert listed[0].image.width == 6
    assert Records(objects, DatasetVersion).get(f"{DATASET}/versions/latest") == version


def test_a_version_says_what_subgroups_it_has() -> None:
    objects = InMemoryObjectStore()
    images = stored_entries(objects, ("1.png", "a", TRAIN), ("2.png", "a", TRAIN), ("3.png", "a", TEST))
    plain = import_version(objects, DATASET, images)
    assert not plain.attribute_counts
    images[0].attributes["sex"], images[2].attributes["sex"] = "F", "M"
    version = import_version(objects, DATASET, images)
    assert version.name != plain.name
    assert [(c.attribute, c.value, c.split, c.count) for c in version.attribute_counts] == [
        ("sex", "", TRAIN, 1), ("sex", "F", TRAIN, 1), ("sex", "M", TEST, 1),
    ]  # fmt: skip
    assert [dict(image.attributes) for image in manifest.read(objects, version)] == [{"sex": "F"}, {}, {"sex": "M"}]


def test_attributes_in_another_form_are_refused() -> None:
    image = entry("a.png")
    for name, value in (("sex", "female"), ("age_band", "45"), ("patient_id", "7"), ("Sub Type", "x")):
        image.attributes.clear()
        image.attributes[name] = value
        with pytest.raises(InvalidInput, match=r"images\[0\]\.attributes"):
            check_images([image])


def test_the_same_contents_give_the_same_version_and_the_last_import_is_latest() -> None:
    objects = InMemoryObjectStore()
    images = stored_entries(objects, ("1.png", "a", TRAIN), ("2.png", "a", TRAIN))
    first = import_version(objects, DATASET, images)
    second = import_version(objects, DATASET, images[:1])
    assert second.name != first.name
    assert import_version(objects, DATASET, images[::-1]) == first
    assert Records(objects, DatasetVersion).get(f"{DATASET}/versions/latest") == first


def test_one_image_may_occur_under_two_paths() -> None:
    objects = InMemoryObjectStore()
    (image,) = stored_entries(objects, ("1.png", "a", TRAIN))
    twin = entry("2.png", sha256=image.image.sha256)
    assert import_version(objects, DATASET, [image, twin]).image_count == 2


def test_images_that_are_not_stored_for_this_tenant_are_refused() -> None:
    objects = InMemoryObjectStore()
    ref = store_pixels(objects, "other", np.zeros((4, 4), np.uint8))
    with pytest.raises(FailedPrecondition, match=r"1 of 1 images are not stored, 'a/1.png'"):
        import_version(objects, DATASET, [entry("a/1.png", sha256=ref.sha256)])
    assert list(objects.list("tenants/default")) == []


@pytest.mark.parametrize(
    "path",
    ["", "/etc/a.png", "../a.png", "a/../b.png", "a//b.png", "./a.png", "a\\b.png", "C:/a.png", "a\n.png", "x" * 513],
)
def test_paths_that_leave_their_folder_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match=r"images\[1\]\.path"):
        check_images([entry("good.png"), entry(path)])


def test_repeated_paths_are_refused() -> None:
    with pytest.raises(InvalidInput, match="repeated"):
        check_images([entry("a.png"), entry("a.png", "b")])


@pytest.mark.parametrize("label", ["", " ", "a/b", "..", "-a", "a\n", "x" * 64, "ü"])
def test_odd_labels_are_refused(label: str) -> None:
    with pytest.raises(InvalidInput, match="label"):
        check_images([entry("a.png", label)])


@pytest.mark.parametrize("label", ["a", "NORMAL", "no tumor", "stage_2-b", "T1.5"])
def test_ordinary_labels_are_accepted(label: str) -> None:
    check_images([entry("a.png", label)])


def test_a_class_without_training_images_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no training images for b"):
        check_images([entry("a.png", "a"), entry("b.png", "b", TEST)])
    with pytest.raises(InvalidInput, match="no training images for c, d"):
        check_images([entry("a.png", "a")], classes=["d", "a", "c"])


def test_findings_have_training_images_one_by_one() -> None:
    check_images([entry("a.png", "a|b"), entry("b.png", "c"), entry("c.png", "b|c", TEST)])
    with pytest.raises(InvalidInput, match=r"no training images for c\|d"):
        check_images([entry("a.png", "a|b"), entry("b.png", "c"), entry("c.png", "c|d", TEST)])


def test_no_images_no_split_no_digest_and_too_many_classes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one image"):
        check_images([])
    with pytest.raises(InvalidInput, match="split"):
        check_images([entry("a.png", split=Split.SPLIT_UNSPECIFIED)])
    with pytest.raises(InvalidInput, match=r"images\[0\]\.image\.sha256"):
        check_images([entry("a.png", sha256="A" * 64)])
    with pytest.raises(ResourceExhausted, match="classes"):
        check_images([entry(f"{n}.png", f"c{n}") for n in range(1001)])


def test_patients_get_pseudonyms_of_their_tenant() -> None:
    images = [DatasetImage(path="a", patient="Jane Doe", origin="x"), DatasetImage(path="b")]
    pseudonyms = Pseudonyms(bytes(32))
    with_pseudonyms(images, "default", pseudonyms)
    assert [image.patient for image in images] == [pseudonyms.patient("default", "Jane Doe"), ""]
    assert not images[0].origin
    for odd in ("x" * 257, "a\nb"):
        with pytest.raises(InvalidInput, match=r"images\[0\]\.patient"):
            with_pseudonyms([DatasetImage(patient=odd)], "default", pseudonyms)


def test_a_frame_that_the_image_does_not_have_is_refused() -> None:
    objects = InMemoryObjectStore()
    (image,) = stored_entries(objects, ("1.png", "a", TRAIN))
    image.frame = 1
    with pytest.raises(InvalidInput, match="has frames 0 to 0"):
        import_version(objects, DATASET, [image])
    image.frame = -1
    with pytest.raises(InvalidInput, match=r"images\[0\]\.frame"):
        import_version(objects, DATASET, [image])


@pytest.mark.parametrize("dataset", ["brains", "tenants/default/datasets/Brains", "tenants/default/models/brains"])
def test_wrong_dataset_names_are_refused(dataset: str) -> None:
    with pytest.raises(InvalidInput, match="dataset"):
        import_version(InMemoryObjectStore(), dataset, [entry("a.png")])


REAL_DATA = Path(__file__).parents[4] / "shared" / "data"
REAL_SETS = {
    "brain-tumor-mri": (
        {
            (TRAIN, "glioma"): 1321, (TRAIN, "meningioma"): 1339, (TRAIN, "notumor"): 1591, (TRAIN, "pituitary"): 1457,
            (TEST, "glioma"): 300, (TEST, "meningioma"): 306, (TEST, "notumor"): 405, (TEST, "pituitary"): 300,
        },
        {"L": 3093, "RGB": 3926},
    ),
    "chest-xray-pneumonia": (
        {(TRAIN, "NORMAL"): 1341, (TRAIN, "PNEUMONIA"): 3875, (TEST, "NORMAL"): 234, (TEST, "PNEUMONIA"): 390},
        {"L": 5840},
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL_SETS)
def test_a_real_dataset_has_the_counts_and_modes_of_its_readme(name: str) -> None:
    directory = REAL_DATA / name
    if not directory.is_dir():
        pytest.skip(f"{directory} is absent")
    objects = InMemoryObjectStore()
    with open_source(directory) as found:
        images = [
            entry(image.path, image.label, image.split, store_image(objects, "default", image.file.read()).sha256)
            for image in found.images
        ]
    version = import_version(objects, DATASET, images, found.classes)
    counts, modes = REAL_SETS[name]
    assert {(c.split, c.label): c.count for c in version.counts} == counts
    assert dict(version.modes) == modes
