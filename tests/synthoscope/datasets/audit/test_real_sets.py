"""Real sets, whose duplicates are listed in `duplicates.csv`."""

import csv
from pathlib import Path

import pytest

from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.datasets.audit.auditing import audit

DATA = Path(__file__).parents[5] / "shared" / "data"

pytestmark = pytest.mark.slow


def audited(folder: Path) -> tuple[DatasetAudit, dict[tuple[str, str], str]]:
    """The audit of a set, and its listed pairs with their kinds."""
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    with (folder / "manifest.csv").open() as file:
        images = [
            DatasetImage(path=row["path"], label=row["label"], split=Split.Value(f"SPLIT_{row['split'].upper()}"))
            for row in csv.DictReader(file)
        ]
    with (folder / "duplicates.csv").open() as file:
        rows = [(sorted((row["path_a"], row["path_b"])), row["kind"]) for row in csv.DictReader(file)]
    return audit(images, lambda image: (folder / image.path).read_bytes()), {(a, b): kind for (a, b), kind in rows}


def counts(report: DatasetAudit, kind: str) -> dict[str, int]:
    return {count.scope: count.count for count in report.pair_counts if count.kind == kind}


def test_chest_xrays_have_34_exact_pairs_and_no_leak() -> None:
    report, listed = audited(DATA / "chest-xray-pneumonia")
    assert {(pair.a, pair.b) for pair in report.pairs if pair.kind == "exact"} == set(listed)
    assert counts(report, "exact") == {"within-train": 28, "within-test": 6}
    assert report.splits.test_with_twin_in_train["all"].count == 0
    assert report.splits.test_with_twin_in_train["all"].of == 624
    assert len(report.pairs) - len(listed) <= 5


def test_brain_slices_have_all_listed_pairs_and_more() -> None:
    report, listed = audited(DATA / "brain-tumor-mri")
    found = {(pair.a, pair.b): pair.kind for pair in report.pairs}
    assert len(listed) == 3072
    assert {pair: found.get(pair) for pair in listed} == listed
    assert len(found) > 3072
    assert counts(report, "exact") == {"within-train": 286, "within-test": 44, "across": 365}
    assert counts(report, "mirrored")
    assert report.splits.test_with_exact_twin_in_train["all"].count == 216
    assert report.splits.test_with_twin_in_train["all"].count >= 468
    assert "mode" in {shortcut.property for shortcut in report.shortcuts if shortcut.target == "label"}
