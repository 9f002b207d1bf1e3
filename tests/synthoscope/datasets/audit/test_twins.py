import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.datasets.audit import twins
from synthoscope.datasets.audit.copies import Link
from synthoscope.datasets.audit.twins import Twins


def image(path: str) -> DatasetImage:
    split, label = path.split("/")[:2]
    return DatasetImage(path=path, split=Split.Value(f"SPLIT_{split.upper()}"), label=label)


IMAGES = [image(path) for path in ("train/a/1", "train/a/2", "test/b/3", "test/a/4", "train/b/5")]


def test_links_of_groups_are_links_of_all_their_images() -> None:
    report = Twins(IMAGES, [[0, 1], [2], [3], [4]], [Link(0, 1, "turn-90", 0.97)]).report()
    assert [(pair.a, pair.b, pair.kind, pair.transform) for pair in report.pairs] == [
        ("test/b/3", "train/a/1", "turned", "turn-270"),  # what makes b of a: a is the test image
        ("test/b/3", "train/a/2", "turned", "turn-270"),
        ("train/a/1", "train/a/2", "exact", "none"),
    ]
    assert {(c.kind, c.scope): c.count for c in report.pair_counts} == {
        ("exact", "within-train"): 1,
        ("turned", "across"): 2,
    }
    assert [list(cluster.paths) for cluster in report.clusters] == [["test/b/3", "train/a/1", "train/a/2"]]
    assert [list(conflict.labels) for conflict in report.label_conflicts] == [["b", "a", "a"]]


def test_a_copy_of_a_copy_is_a_twin() -> None:
    report = Twins(IMAGES, [[0], [2], [3]], [Link(0, 1, "none", 0.9), Link(1, 2, "mirror", 0.9)]).report()
    leaks = {label: (twin.count, twin.of) for label, twin in report.splits.test_with_twin_in_train.items()}
    assert leaks == {"a": (1, 1), "b": (1, 1), "all": (2, 2)}
    assert report.splits.test_with_exact_twin_in_train["all"].count == 0


def test_the_most_similar_pairs_are_listed_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "MOST_PAIRS", 2)
    links = [Link(0, 1, "none", 0.9), Link(1, 2, "none", 0.99), Link(2, 3, "mirror", 0.95)]
    report = Twins(IMAGES, [[0], [1], [2], [3]], links).report()
    assert [round(pair.similarity, 2) for pair in report.pairs] == [0.99, 0.95]
    assert sum(count.count for count in report.pair_counts) == 3
    assert len(report.clusters[0].paths) == 4


def test_leaks_come_first_then_contradicting_labels_however_many_identical_images_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(twins, "MOST_PAIRS", 5)
    identical = [image(f"train/a/same{number}") for number in range(100)]
    others = [image(path) for path in ("train/a/1", "test/a/2", "train/b/3", "train/a/4", "test/b/5", "train/b/6")]
    groups = [list(range(100)), [100], [101], [102], [103], [104, 105]]
    links = [Link(1, 2, "none", 0.9), Link(3, 4, "none", 0.86), Link(1, 5, "mirror", 0.88)]
    report = Twins([*identical, *others], groups, links).report()
    assert [(pair.a, pair.b, pair.kind) for pair in report.pairs] == [
        ("test/b/5", "train/a/1", "mirrored"),  # across, and of two classes
        ("test/b/5", "train/b/6", "exact"),
        ("test/a/2", "train/a/1", "near"),
        ("train/a/1", "train/b/6", "mirrored"),
        ("train/a/4", "train/b/3", "near"),
    ]
    assert sum(count.count for count in report.pair_counts) == 100 * 99 // 2 + 5


def test_many_identical_images_are_counted_without_being_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "MOST_PAIRS", 1000)
    images = [image(f"{'train' if n % 2 else 'test'}/a/{n:06}") for n in range(20_000)]
    report = Twins(images, [list(range(20_000))], []).report()
    assert sum(count.count for count in report.pair_counts) == 20_000 * 19_999 // 2
    assert len(report.pairs) == 1000
