import json

from synthoscope.api.datasets.v1.audits_pb2 import (
    DatasetAudit,
    DuplicateCluster,
    DuplicatePair,
    LabelConflict,
    PatientAudit,
    Shortcut,
    SplitAudit,
    TwinCount,
)
from synthoscope.cli import audit
from synthoscope.cli.console import console


def report() -> DatasetAudit:
    return DatasetAudit(
        name="tenants/default/datasets/brain/versions/0123/audit",
        image_count=7,
        pairs=[DuplicatePair(a="a", b="b", kind="mirrored", transform="mirror", similarity=0.5, split_a="test")],
        pair_counts=[{"kind": "mirrored", "scope": "across", "count": 1}],
        clusters=[DuplicateCluster(paths=["a", "b"], across_splits=True)],
        label_conflicts=[LabelConflict(paths=["[a]", "b"], labels=["l", "m"])],
        patients=PatientAudit(images_with_id=3, patients=2),
        shortcuts=[Shortcut(property="size", target="label", accuracy=0.9, accuracy_low=0.8, chance=0.5)],
        splits=SplitAudit(
            test_with_twin_in_train={"l": TwinCount(count=1, of=4), "all": TwinCount(count=1, of=4)},
            test_with_exact_twin_in_train={"l": TwinCount(of=4), "all": TwinCount(of=4)},
        ),
    )


def test_json_has_every_field_by_its_name_and_numbers_as_numbers() -> None:
    found = json.loads(json.dumps(audit.plain(report())))
    assert found["pairs"] == [
        {
            "a": "a", "b": "b", "kind": "mirrored", "transform": "mirror", "similarity": 0.5, "split_a": "test",
            "split_b": "", "label_a": "", "label_b": "",
        }
    ]  # fmt: skip
    assert found["splits"]["test_with_twin_in_train"] == {"all": {"count": 1, "of": 4}, "l": {"count": 1, "of": 4}}
    assert found["clusters"] == [{"paths": ["a", "b"], "across_splits": True}]
    assert found["label_conflicts"] == [{"paths": ["[a]", "b"], "labels": ["l", "m"]}]
    assert found["patients"]["images_with_id"] == 3
    assert found["outliers"] == []
    assert set(found) == {field.name for field in DatasetAudit.DESCRIPTOR.fields}


def test_people_are_told_of_leaks_conflicts_and_what_to_do() -> None:
    with console.capture() as shown:
        audit._show(report())
    text = shown.get()
    assert "1 (25.0%)" in text
    assert "[a] (l) | b (m)" in text
    assert "derive brain@0123 --deduplicate" in text
    assert "0.800 to 0.000" in text


def test_a_version_without_a_test_split_or_findings_is_told_in_words() -> None:
    with console.capture() as shown:
        audit._show(DatasetAudit(name="tenants/default/datasets/brain/versions/0123/audit", image_count=1))
    assert "no test split" in shown.get()
    assert "no two images show the same picture" in shown.get()
    assert "--deduplicate" not in shown.get()
