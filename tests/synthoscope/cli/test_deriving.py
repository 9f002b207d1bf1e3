import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetChange, DatasetVersion, Derivation, Split, Subset
from synthoscope.cli import deriving
from synthoscope.cli.versions import origin
from synthoscope.rpc.errors import InvalidInput


def test_split_options_become_a_rule() -> None:
    assert deriving._split_rule(False, 0.0, "") is None
    assert deriving._split_rule(True, 0.0, "").HasField("deduplication")
    assert deriving._split_rule(False, 0.25, "").hold_out.test_fraction == 0.25
    fold = deriving._split_rule(False, 0.0, "2/5").fold
    assert (fold.index, fold.count) == (2, 5)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: deriving._split_rule(True, 0.2, ""),
        lambda: deriving._fold("2"),
        lambda: deriving._fold("-1/5"),
        lambda: deriving._splits("validation"),
        lambda: deriving._pair("glioma", "label"),
        lambda: deriving._one_rule({}),
        lambda: deriving._one_rule({"subset": Subset(), "merge": None}),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(InvalidInput):
        wrong()


def test_a_change_is_named_by_what_differs() -> None:
    before = {"path": "x", "split": "SPLIT_TRAIN", "label": "a", "image": {"sha256": "0"}}
    after = {"path": "x", "split": "SPLIT_TEST", "label": "b", "image": {"sha256": "1"}}
    assert list(deriving._kinds(DatasetChange(after=after))) == ["added"]
    assert list(deriving._kinds(DatasetChange(before=before))) == ["removed"]
    changed = DatasetChange(before=before, after=after)
    assert list(deriving._kinds(changed)) == ["moved", "relabelled", "other picture"]
    redescribed = DatasetChange(before={"path": "a", "attributes": {"sex": "F"}}, after={"path": "a"})
    assert list(deriving._kinds(redescribed)) == ["other attributes"]
    assert deriving._splits("test") == [Split.SPLIT_TEST]


def test_a_version_says_how_it_was_made() -> None:
    parent = "tenants/default/datasets/brain/versions/01"

    def made(**rule: object) -> str:
        return origin(DatasetVersion(derivation=Derivation(parents=[parent], **rule)))

    assert origin(DatasetVersion()) == "imported"
    assert made(split={"deduplication": {}}) == "deduplication, of brain@01"
    assert made(split={"fold": {"count": 5, "index": 2}, "seed": 7}) == "fold 2 of 5, seed 7, of brain@01"
    assert made(label_map={"labels": {"a": "b"}}) == "label map, of brain@01"
