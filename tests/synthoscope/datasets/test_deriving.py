from collections.abc import Sequence

import numpy as np
import pytest

from synthoscope.api.classification.v1.classification_pb2 import Diagnosis
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, DuplicateCluster
from synthoscope.api.datasets.v1.datasets_pb2 import ConfirmedLabel, DatasetImage, DatasetVersion, Derivation, Split
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.datasets import manifest
from synthoscope.datasets.audit import storage
from synthoscope.datasets.deriving import derive
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound
from synthoscope.synthetic import sets

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST
TENANT = "tenants/default"
BRAINS, OTHERS = f"{TENANT}/datasets/brains", f"{TENANT}/datasets/others"
PATHS = ("test/glioma/1", "test/none/1", "train/glioma/1", "train/glioma/2", "train/none/1", "train/pituitary/1")


def picture(objects: InMemoryObjectStore, path: str):
    pixels = np.frombuffer(path.encode(), np.uint8)
    return store_pixels(objects, "default", np.tile(pixels, (4, 1)))


def imported(objects: InMemoryObjectStore, dataset: str = BRAINS, paths: Sequence[str] = PATHS) -> DatasetVersion:
    images = []
    for path in paths:
        split, label, _ = path.split("/")
        images.append(
            DatasetImage(path=path, label=label, split=f"SPLIT_{split.upper()}", image=picture(objects, path))
        )
    return import_version(objects, dataset, images)


def derived(objects: InMemoryObjectStore, parent: DatasetVersion, dataset: str = OTHERS, **rule: object):
    return derive(objects, dataset, parent.name, Derivation(**rule))


def rows(objects: InMemoryObjectStore, version: DatasetVersion) -> dict[str, tuple[str, str]]:
    return {image.path: (manifest.SPLIT_NAMES[image.split], image.label) for image in manifest.read(objects, version)}


@pytest.fixture
def objects() -> InMemoryObjectStore:
    return InMemoryObjectStore()


@pytest.fixture
def brains(objects: InMemoryObjectStore) -> DatasetVersion:
    return imported(objects)


def test_a_label_map_joins_and_drops_classes_and_copies_nothing(objects, brains) -> None:
    before = {info.key for info in objects.list(f"{TENANT}/images/")}
    labels = {"glioma": "tumour", "none": "no tumour", "pituitary": ""}
    version = derived(objects, brains, label_map={"labels": labels})
    assert list(version.classes) == ["no tumour", "tumour"]
    assert rows(objects, version) == {
        "test/glioma/1": ("test", "tumour"),
        "test/none/1": ("test", "no tumour"),
        "train/glioma/1": ("train", "tumour"),
        "train/glioma/2": ("train", "tumour"),
        "train/none/1": ("train", "no tumour"),
    }
    assert list(version.derivation.parents) == [brains.name]
    assert version.derivation.label_map.labels == labels
    assert {info.key for info in objects.list(f"{TENANT}/images/")} == before
    assert derived(objects, brains, label_map={"labels": labels}) == version


def test_a_derived_version_is_latest_in_another_dataset_only(objects, brains) -> None:
    latest = Records(objects, DatasetVersion).get
    other = derived(objects, brains, subset={"labels": ["glioma", "none"]})
    assert latest(f"{OTHERS}/versions/latest") == other
    derived(objects, brains, dataset=BRAINS, subset={"labels": ["glioma", "none"]})
    assert latest(f"{BRAINS}/versions/latest") == brains


def test_a_parent_may_be_named_latest_and_the_record_says_which_it_was(objects, brains) -> None:
    version = derive(objects, OTHERS, f"{BRAINS}/versions/latest", Derivation(subset={"labels": ["glioma"]}))
    assert list(version.derivation.parents) == [brains.name]


def test_a_subset_of_test_images_can_become_training_images(objects, brains) -> None:
    version = derived(objects, brains, subset={"splits": [TEST], "as_training": True})
    assert rows(objects, version) == {path: ("train", path.split("/")[1]) for path in PATHS[:2]}
    assert derived(objects, brains, subset={"as_training": True}).image_count == len(PATHS)


def test_a_subset_keeps_labels_splits_and_a_seeded_draw(objects, brains) -> None:
    assert set(rows(objects, derived(objects, brains, subset={"splits": [TRAIN]}))) == set(PATHS[2:])
    some = [derived(objects, brains, subset={"most_per_class": 1, "seed": seed}) for seed in range(8)]
    drawn = {frozenset(rows(objects, version)) for version in some}
    assert drawn == {frozenset(PATHS) - {"train/glioma/1"}, frozenset(PATHS) - {"train/glioma/2"}}


def test_versions_synthetic_sets_and_confirmed_labels_are_merged(objects, brains) -> None:
    more = imported(objects, f"{TENANT}/datasets/more", ["train/glioma/1", "test/glioma/9"])
    record = SyntheticSet(name=f"{TENANT}/syntheticSets/s1")
    made = sets.publish(objects, record, [SyntheticImage(label="none", image=picture(objects, "made"))])
    diagnosis = Diagnosis(name=f"{TENANT}/diagnoses/d1", image=picture(objects, "diagnosed"))
    Records(objects, Diagnosis).put(diagnosis.name, diagnosis)
    confirmed = [ConfirmedLabel(diagnosis=diagnosis.name, label="pituitary")]
    merge = {
        "dataset_versions": [f"{TENANT}/datasets/more/versions/latest"],
        "synthetic_sets": [made.name],
        "confirmed_labels": confirmed,
    }
    version = derived(objects, brains, merge=merge)
    assert rows(objects, version) == rows(objects, brains) | {
        "more/train/glioma/1": ("train", "glioma"),
        "more/test/glioma/9": ("test", "glioma"),
        "synthetic/s1/000000.png": ("train", "none"),
        "confirmed/d1": ("train", "pituitary"),
    }
    assert list(version.derivation.parents) == [brains.name, more.name]
    assert list(version.derivation.merge.dataset_versions) == [more.name]
    origins = {image.path: image.origin for image in manifest.read(objects, version) if image.origin}
    assert origins == {"synthetic/s1/000000.png": made.name, "confirmed/d1": diagnosis.name}


@pytest.mark.parametrize("rule", [
    {"label_map": {"labels": {"glioma": "g", "none": "n", "pituitary": "p"}}},
    {"subset": {"most_per_class": 1}},
    {"split": {"hold_out": {"test_fraction": 0.3}, "ungrouped": True}},
    {"split": {"fold": {"count": 2, "index": 1}, "ungrouped": True}},
    {"preprocessing": {"steps": [{"resizing": {"mode": "MODE_PAD"}}]}},
], ids=lambda rule: "-".join(rule))  # fmt: skip
def test_attributes_are_kept(objects, rule) -> None:
    images = [
        DatasetImage(
            path=path, label=path.split("/")[1], split=TRAIN, image=picture(objects, path), attributes={"device": path}
        )
        for path in (*PATHS, "train/pituitary/2")
    ]
    version = derived(objects, import_version(objects, BRAINS, images), **rule)
    kept = manifest.read(objects, version)
    assert kept
    assert all(image.attributes == {"device": image.path} for image in kept)
    assert sum(count.count for count in version.attribute_counts) == len(kept)


def test_merged_images_keep_their_attributes(objects, brains) -> None:
    image = DatasetImage(path="1", label="glioma", split=TEST, image=picture(objects, "1"), attributes={"sex": "F"})
    trained = DatasetImage(path="2", label="glioma", split=TRAIN, image=picture(objects, "2"))
    more = import_version(objects, f"{TENANT}/datasets/more", [image, trained])
    version = derived(objects, brains, merge={"dataset_versions": [more.name]})
    found = {image.path: dict(image.attributes) for image in manifest.read(objects, version) if image.attributes}
    assert found == {"more/1": {"sex": "F"}}
    assert [(count.value, count.split, count.count) for count in version.attribute_counts] == [
        ("", TRAIN, 5), ("", TEST, 2), ("F", TEST, 1),
    ]  # fmt: skip


def test_a_test_image_that_was_diagnosed_is_not_trained_on(objects, brains) -> None:
    diagnosis = Diagnosis(name=f"{TENANT}/diagnoses/d1", image=picture(objects, "test/glioma/1"))
    Records(objects, Diagnosis).put(diagnosis.name, diagnosis)
    with pytest.raises(FailedPrecondition, match="test split"):
        derived(objects, brains, merge={"confirmed_labels": [{"diagnosis": diagnosis.name, "label": "glioma"}]})


def test_splits_need_the_audit_of_the_version_or_of_one_it_was_made_of(objects, brains) -> None:
    mapped = derived(objects, brains, label_map={"labels": {"glioma": "g", "none": "n", "pituitary": "p"}})
    for parent in (brains, mapped):
        for rule in ({"deduplication": {}}, {"hold_out": {"test_fraction": 0.3}}):
            with pytest.raises(FailedPrecondition, match="submit one first"):
                derived(objects, parent, split=rule)
    twins = DuplicateCluster(paths=["test/none/1", "train/none/1"], across_splits=True)
    storage.put(objects, brains.name, DatasetAudit(clusters=[twins]))
    for parent in (brains, mapped):
        version = derived(objects, parent, split={"deduplication": {}})
        assert set(rows(objects, version)) == set(PATHS) - {"test/none/1"}


def test_a_merged_version_needs_an_audit_of_its_own(objects, brains) -> None:
    storage.put(objects, brains.name, DatasetAudit())
    more = imported(objects, f"{TENANT}/datasets/more", ["train/glioma/7"])
    merged = derived(objects, brains, merge={"dataset_versions": [more.name]})
    with pytest.raises(FailedPrecondition, match="submit one first"):
        derived(objects, merged, split={"deduplication": {}})


def test_an_ungrouped_split_needs_no_audit(objects, brains) -> None:
    rule = {"hold_out": {"test_fraction": 0.5}, "ungrouped": True}
    version = derived(objects, imported(objects, BRAINS, [f"train/a/{n}" for n in range(8)]), split=rule)
    assert [count.count for count in version.counts] == [4, 4]


def test_preprocessing_is_inherited_until_it_changes(objects, brains) -> None:
    padded = {"steps": [{"resizing": {"mode": "MODE_PAD"}}]}
    version = derived(objects, brains, preprocessing=padded)
    assert version.preprocessing.steps[0].resizing.mode == 2
    assert version.name.rpartition("/")[2] != brains.name.rpartition("/")[2]
    grandchild = derived(objects, version, subset={"labels": ["glioma"]})
    assert grandchild.preprocessing == version.preprocessing
    assert not derived(objects, brains, subset={"labels": ["glioma"]}).HasField("preprocessing")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({}, "must hold one of"),
        ({"label_map": {"labels": {"glioma": "g"}}}, "says nothing of none, pituitary"),
        ({"label_map": {"labels": {"glioma": "g", "none": "n", "pituitary": "p", "x": "y"}}}, "'x' is no class"),
        ({"label_map": {"labels": {"glioma": "g/", "none": "n", "pituitary": "p"}}}, "letters, digits"),
        ({"subset": {"labels": ["stroke"]}}, "'stroke' is no class"),
        ({"subset": {"splits": [7]}}, "7 is no split"),
        ({"subset": {"most_per_class": -1}}, "at least 0"),
        ({"merge": {}}, "must name what to merge"),
        ({"merge": {"dataset_versions": ["x"]}}, r"dataset_versions\[0\]"),
        ({"merge": {"synthetic_sets": ["x"]}}, r"synthetic_sets\[0\]"),
        ({"merge": {"confirmed_labels": [{"diagnosis": "x"}]}}, r"confirmed_labels\[0\]"),
        ({"split": {}}, "must hold deduplication"),
    ],
)
def test_rules_that_do_not_fit_name_the_field(objects, brains, rule, text) -> None:
    with pytest.raises(InvalidInput, match=text):
        derived(objects, brains, **rule)
    assert not list(objects.list(OTHERS))


def test_what_would_leave_nothing_to_train_on_is_refused(objects, brains) -> None:
    drop_all = dict.fromkeys(["glioma", "none", "pituitary"], "")
    with pytest.raises(FailedPrecondition, match="nothing of"):
        derived(objects, brains, label_map={"labels": drop_all})
    with pytest.raises(FailedPrecondition, match="no training images would be left of glioma, none"):
        derived(objects, brains, subset={"splits": [TEST]})


def test_merging_what_does_not_fit_is_refused(objects, brains) -> None:
    strokes = imported(objects, f"{TENANT}/datasets/strokes", ["train/stroke/1"])
    with pytest.raises(InvalidInput, match="has images of stroke"):
        derived(objects, brains, merge={"dataset_versions": [strokes.name]})
    unlabelled = sets.publish(
        objects, SyntheticSet(name=f"{TENANT}/syntheticSets/s2"), [SyntheticImage(image=picture(objects, "made"))]
    )
    with pytest.raises(InvalidInput, match="no class"):
        derived(objects, brains, merge={"synthetic_sets": [unlabelled.name]})
    more = imported(objects, f"{TENANT}/datasets/more", ["train/glioma/1"])
    with pytest.raises(InvalidInput, match="twice"):
        derived(objects, brains, merge={"dataset_versions": [more.name, more.name]})
    with pytest.raises(NotFound):
        derived(objects, brains, merge={"synthetic_sets": [f"{TENANT}/syntheticSets/none"]})
