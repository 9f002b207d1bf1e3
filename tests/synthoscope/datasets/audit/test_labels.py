from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.datasets.audit.labels import balance, patients


def image(split: str, label: str, patient: str = "") -> DatasetImage:
    return DatasetImage(split=Split.Value(f"SPLIT_{split}"), label=label, patient=patient)


def test_patients_on_both_sides_are_found() -> None:
    images = [image("TRAIN", "a", "p"), image("TRAIN", "b", "p"), image("TEST", "a", "p"), image("TEST", "a", "q")]
    found = patients([*images, image("TEST", "a")])
    assert (found.images_with_id, found.patients, found.with_several_labels) == (4, 2, 1)
    assert [(one.patient, one.train, one.test) for one in found.across_splits] == [("p", 2, 1)]


def test_the_balance_is_of_training_images() -> None:
    found = balance([image("TRAIN", "a")] * 6 + [image("TRAIN", "b")] * 2 + [image("TEST", "b")] * 9)
    assert dict(found.train) == {"a": 6, "b": 2}
    assert found.ratio == 3


def test_a_class_without_training_images_counts_as_one() -> None:
    found = balance([image("TRAIN", "a")] * 6 + [image("TEST", "b")])
    assert dict(found.train) == {"a": 6, "b": 0}
    assert found.ratio == 6
