import io

import numpy as np
from PIL import Image

from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.datasets import phantoms
from synthoscope.datasets.audit.auditing import audit

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST


def png(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


def run(files: dict[str, bytes], **arguments: object) -> DatasetAudit:
    """Audits files whose paths are "split/label/name"."""
    images = []
    for path in files:
        split, label, _ = path.split("/")
        images.append(DatasetImage(path=path, label=label, split=TRAIN if split == "train" else TEST))
    return audit(images, lambda image: files[image.path], **arguments)


def phantom(seed: int, label: str = "glioma") -> np.ndarray:
    return phantoms.generate(label, seed, 64).image


def test_identical_pixels_are_found_whatever_the_bytes() -> None:
    copies = {
        "train/a/1.png": png(phantom(1)),
        "test/a/2.png": png(phantom(1), compress_level=1),
        "test/b/3.png": png(phantom(1), compress_level=0),
        "train/b/4.png": png(phantom(2)),
        "test/b/5.png": png(phantom(3)),
    }
    report = run(copies)
    assert [(p.a, p.b, p.kind, p.transform, p.similarity) for p in report.pairs] == [
        ("test/b/3.png", "train/a/1.png", "exact", "none", 1.0),
        ("test/a/2.png", "train/a/1.png", "exact", "none", 1.0),
        ("test/a/2.png", "test/b/3.png", "exact", "none", 1.0),
    ]
    assert {(c.kind, c.scope): c.count for c in report.pair_counts} == {
        ("exact", "across"): 2,
        ("exact", "within-test"): 1,
    }
    assert [list(c.paths) for c in report.clusters] == [["test/a/2.png", "test/b/3.png", "train/a/1.png"]]
    assert report.clusters[0].across_splits
    assert [list(c.labels) for c in report.label_conflicts] == [["a", "b", "a"]]
    leaks = report.splits.test_with_exact_twin_in_train
    assert {label: (twin.count, twin.of) for label, twin in leaks.items()} == {"a": (1, 1), "b": (1, 2), "all": (2, 3)}
    assert leaks == report.splits.test_with_twin_in_train


def test_broken_files_are_reported_and_harm_nothing() -> None:
    report = run({"train/a/1.png": png(phantom(1)), "train/a/2.png": png(phantom(1))[:-40], "test/a/3.png": b"no"})
    assert report.image_count == 3
    assert [(odd.path, odd.problem.startswith("cannot be read")) for odd in report.odd_files] == [
        ("train/a/2.png", True),
        ("test/a/3.png", True),
    ]
    assert not report.pairs


def test_an_empty_dataset_has_an_empty_report() -> None:
    report = run({})
    assert report.image_count == 0
    assert not report.pairs


def test_progress_ends_at_the_number_of_images() -> None:
    seen = []
    run({f"train/a/{n}.png": png(phantom(n)) for n in range(3)}, on_progress=lambda *done: seen.append(done))
    assert seen[-1] == (3, 3)
