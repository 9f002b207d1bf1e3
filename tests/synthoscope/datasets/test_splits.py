from collections import Counter

import numpy as np
import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split, SplitRule
from synthoscope.datasets.splits import check_rule, groups, split
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST


def image(path: str, label: str = "a", split: int = TRAIN, patient: str = "") -> DatasetImage:
    return DatasetImage(path=path, label=label, split=split, patient=patient)


def many(seed: int = 0, count: int = 600) -> tuple[list[DatasetImage], list[list[str]]]:
    """Images of three classes, some of one patient, some copies of each other, and the clusters of copies."""
    random = np.random.default_rng(seed)
    labels = random.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1])
    patients = random.integers(0, count // 3, count)
    images = [
        image(f"{number:04}", labels[number], TEST if number % 4 == 0 else TRAIN, f"p{patients[number]}")
        for number in range(count)
    ]
    names = [item.path for item in images]
    random.shuffle(names)
    return images, [names[start : start + 3] for start in range(0, 90, 3)]


def rule(**values: object) -> SplitRule:
    made = SplitRule(**values)
    check_rule(made)
    return made


def sides_of(images: list[DatasetImage], together: list[list[int]], of: list[DatasetImage]) -> list[set[int]]:
    split_of = {item.path: item.split for item in of}
    return [{split_of[images[index].path] for index in members} for members in together]


def test_groups_join_what_patients_and_clusters_connect() -> None:
    images = [image("1", patient="p"), image("2", patient="p"), image("3"), image("4"), image("5", patient="q")]
    assert sorted(map(sorted, groups(images, [["2", "3", "gone"], ["4", "gone"]]))) == [[0, 1, 2], [3], [4]]
    assert sorted(map(sorted, groups(images, [["2", "3"]], patients=False))) == [[0], [1, 2], [3], [4]]


@pytest.mark.parametrize("seed", range(5))
def test_every_image_is_tested_in_exactly_one_fold_and_groups_stay_together(seed: int) -> None:
    images, clusters = many(seed)
    together = groups(images, clusters)
    tested: Counter[str] = Counter()
    for index in range(5):
        dealt = split(rule(fold={"count": 5, "index": index}, seed=seed), images, clusters)
        assert [item.path for item in dealt] == [item.path for item in images]
        assert all(len(sides) == 1 for sides in sides_of(images, together, dealt))
        test = [item for item in dealt if item.split == TEST]
        tested.update(item.path for item in test)
        for label, total in Counter(item.label for item in images).items():
            assert abs(sum(item.label == label for item in test) - total / 5) <= 2
    assert tested == Counter(item.path for item in images)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_a_hold_out_has_its_share_of_every_class_and_no_group_on_both_sides(fraction: float) -> None:
    images, clusters = many()
    dealt = split(rule(hold_out={"test_fraction": fraction}), images, clusters)
    assert all(len(sides) == 1 for sides in sides_of(images, groups(images, clusters), dealt))
    totals = Counter(item.label for item in images)
    held_out = Counter(item.label for item in dealt if item.split == TEST)
    assert all(abs(held_out[label] - fraction * total) <= 2 for label, total in totals.items())


def test_a_seed_gives_one_draw_and_another_seed_another() -> None:
    images, clusters = many()
    draws = [split(rule(hold_out={"test_fraction": 0.3}, seed=seed), images, clusters) for seed in (1, 1, 2)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_ungrouped_images_are_dealt_out_one_by_one() -> None:
    images, clusters = many()
    dealt = split(rule(fold={"count": 3, "index": 0}, ungrouped=True), images, clusters)
    assert any(len(sides) == 2 for sides in sides_of(images, groups(images, clusters), dealt))
    totals, tested = (Counter(item.label for item in of) for of in (images, [i for i in dealt if i.split == TEST]))
    assert all(abs(tested[label] - total / 3) < 1 for label, total in totals.items())


def test_deduplication_leaves_out_test_images_with_a_copy_in_training() -> None:
    images = [
        image("train/1"), image("train/2", patient="p"), image("train/3"), image("train/4"),
        image("test/1", split=TEST), image("test/2", split=TEST, patient="p"), image("test/3", split=TEST),
        image("test/4", split=TEST), image("test/5", split=TEST),
    ]  # fmt: skip
    clusters = [["test/1", "train/1"], ["test/4", "test/5"], ["train/3", "train/4"]]
    grouped = split(rule(deduplication={}), images, clusters)
    left = {"train/1", "train/2", "train/3", "train/4", "test/3", "test/4", "test/5"}
    assert {item.path for item in grouped} == left
    assert {item.path for item in split(rule(deduplication={}, ungrouped=True), images, clusters)} == left | {"test/2"}


def test_impossible_splits_say_why() -> None:
    twins = [image("train/1"), image("test/1", split=TEST)]
    with pytest.raises(FailedPrecondition, match="test split"):
        split(rule(deduplication={}), twins, [["train/1", "test/1"]])
    with pytest.raises(FailedPrecondition, match="test split"):
        split(rule(hold_out={"test_fraction": 0.2}), twins, [["train/1", "test/1"]])
    made = image("3")
    made.origin = "tenants/default/syntheticSets/s"
    with pytest.raises(FailedPrecondition, match="synthetic images"):
        split(rule(hold_out={"test_fraction": 0.2}), [*twins, made], [])
    assert len(split(rule(deduplication={}), [*twins, made], [])) == 3


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "split:"),
        ({"deduplication": {}, "seed": -1}, "seed"),
        ({"hold_out": {"test_fraction": 0}}, "test_fraction"),
        ({"hold_out": {"test_fraction": 1}}, "test_fraction"),
        ({"hold_out": {"test_fraction": float("nan")}}, "test_fraction"),
        ({"fold": {"count": 1}}, "fold.count"),
        ({"fold": {"count": 21}}, "fold.count"),
        ({"fold": {"count": 5, "index": 5}}, "fold.index"),
        ({"fold": {"count": 5, "index": -1}}, "fold.index"),
    ],
)
def test_rules_out_of_range_name_the_field(values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        check_rule(SplitRule(**values))
