"""What `synthoscope dataset show` and the other commands print of a version."""

import json

from synthoscope.api.datasets.v1.datasets_pb2 import AttributeCount, ClassCount, DatasetVersion, Split
from synthoscope.cli.console import console
from synthoscope.cli.versions import show_version

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST
VERSION = DatasetVersion(
    name="tenants/default/datasets/chest/versions/0123",
    classes=["normal"],
    counts=[ClassCount(split=TRAIN, label="normal", count=7), ClassCount(split=TEST, label="normal", count=3)],
    image_count=10,
    modes={"L": 10},
)


def test_images_are_counted_by_class_and_attribute() -> None:
    version = DatasetVersion()
    version.CopyFrom(VERSION)
    for value, split, count in (("", TRAIN, 1), ("F", TRAIN, 6), ("F", TEST, 3)):
        version.attribute_counts.append(AttributeCount(attribute="sex", value=value, split=split, count=count))
    with console.capture() as captured:
        show_version(version, as_json=False)
    words = [line.replace("│", " ").split() for line in captured.get().splitlines()]
    assert ["normal", "7", "3"] in words
    assert ["sex", "F", "6", "3"] in words
    assert ["sex", "unknown", "1", "0"] in words


def test_without_attributes_there_is_no_table_of_them(capsys) -> None:
    with console.capture() as captured:
        show_version(VERSION, as_json=False)
    assert "attribute" not in captured.get()
    show_version(VERSION, as_json=True)
    assert json.loads(capsys.readouterr().out)["imageCount"] == "10"
