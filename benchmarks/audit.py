"""Audits of real sets and of phantoms: copies found, false alarms, time, memory, and how time grows.

    python -m benchmarks.audit [--quick] [--copies N] [--curve N,N,…] [--phantoms N] [--out FILE]

Real sets are read from ../shared/data; absent ones are left out. Of each set, as many images as `--copies` says, per
kind, get a copy: JPEG of quality 95, but for the kind that chooses its own. Phantoms of the curve are 64 px, the others
128 px. Every audit runs in a process of its own, with two threads, so that peak memory is its own.
"""

import argparse
import csv
import json
import math
import multiprocessing
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.planting import KINDS
from benchmarks.reporting import Target, publish
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.datasets import phantoms
from synthoscope.datasets.audit.auditing import audit

DATA = Path(__file__).parents[2] / "shared" / "data"
SPLITS = {"train": Split.SPLIT_TRAIN, "test": Split.SPLIT_TEST}
FIRST_SEED = 10_000_000
THREADS = 2

Row = dict[str, Any]


@dataclass(frozen=True)
class Copies:
    """Folder of planted copies, and of each its kind and the path of its original."""

    folder: Path
    origins: dict[str, tuple[str, str]]


def main() -> None:
    arguments = _arguments()
    rows: list[Row] = []
    targets: list[Target] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.sets:
            made = name == "phantoms"
            folder = _phantoms(Path(scratch) / name, arguments.phantoms, 128) if made else DATA / name
            if not folder.is_dir():
                rows.append({"set": name, "skipped": "not at hand"})
                continue
            rows.append(row := _planted(name, folder, Path(scratch) / f"{name}-copies", arguments.copies))
            targets += _targets(name, row)
        for count in arguments.curve:
            folder = _phantoms(Path(scratch) / "curve", count, 64)
            rows.append(_isolated(_measure, f"curve, {count} phantoms", folder, _images(folder)[:count], None))
            _report(rows[-1])
    publish("audit", rows, targets + _growth(rows), ["faiss-cpu", "torch", "scikit-learn", "numpy", "pillow"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--copies", type=int)
    parser.add_argument("--phantoms", type=int)
    parser.add_argument("--sets", type=lambda text: text.split(","))
    parser.add_argument("--curve", type=lambda text: [int(number) for number in text.split(",") if number])
    parser.add_argument("--out")
    parser.set_defaults(copies=500, phantoms=5000, curve=[1000, 3000, 10_000, 30_000, 100_000])
    parser.set_defaults(sets=["chest-xray-pneumonia", "brain-tumor-mri", "phantoms"])
    if parser.parse_known_args()[0].quick:
        parser.set_defaults(copies=50, phantoms=500, curve=[250, 500, 1000], sets=["phantoms"])
    return parser.parse_args()


def _planted(name: str, folder: Path, scratch: Path, per_kind: int) -> Row:
    """An audit of the set as it is, which gives time and memory, and one of it with copies."""
    images = _images(folder)
    plain = _isolated(_measure, name, folder, images, None)
    _report(plain)
    copies = _plant(folder, images, scratch, per_kind)
    joined = _isolated(_measure, name, folder, images, copies)
    row = plain | {key: joined[key] for key in ("recall", "copies", "false_pairs", "false_pairs_per_1000")}
    _report(row)
    return row


def _measure(name: str, folder: Path, images: list[DatasetImage], copies: Copies | None) -> Row:
    """What an audit of the images, and of the copies, finds and costs; runs in a process of its own."""
    planted = (
        [DatasetImage(path=path, label="copy", split=Split.SPLIT_TRAIN) for path in copies.origins] if copies else []
    )

    def read(image: DatasetImage) -> bytes:
        at = copies.folder if copies and image.path in copies.origins else folder
        return (at / image.path).read_bytes()

    start, cpu = time.monotonic(), time.process_time()
    report = audit([*images, *planted], read, threads=THREADS)
    row: Row = {
        "set": name,
        "images": len(images) + len(planted),
        "seconds": time.monotonic() - start,
        "cpu_seconds": time.process_time() - cpu,
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "pairs": {f"{count.kind} {count.scope}": count.count for count in report.pair_counts},
        "largest_cluster": len(report.clusters[0].paths) if report.clusters else 0,
        "test_with_twin_in_train": report.splits.test_with_twin_in_train["all"].count,
        "test_with_exact_twin_in_train": report.splits.test_with_exact_twin_in_train["all"].count,
        "shortcuts": {f"{s.property} → {s.target}": round(s.accuracy, 3) for s in report.shortcuts},
        "outliers": len(report.outliers),
    }
    found = {(pair.a, pair.b) for pair in report.pairs}
    known = _listed(folder)
    row |= {"listed_pairs": len(known), "listed_pairs_missed": len(known - found)}
    return row | _judged(found, known, copies, len(images))


def _judged(found: set[tuple[str, str]], known: set[tuple[str, str]], copies: Copies | None, images: int) -> Row:
    """Recall by kind of planted copy, and pairs of different originals that are not known to be copies.

    A false pair counts once, however many copies of the two originals were planted.
    """
    origins = copies.origins if copies else {}
    original = {path: source for path, (_, source) in origins.items()}
    planted = Counter(kind for kind, _ in origins.values())
    hits = Counter(kind for path, (kind, source) in origins.items() if tuple(sorted((path, source))) in found)
    ends = {tuple(sorted((original.get(a, a), original.get(b, b)))) for a, b in found}
    false = {(a, b) for a, b in ends if a != b} - known
    return {
        "copies": planted.total(),
        "recall": {kind: hits[kind] / planted[kind] for kind in planted},
        "false_pairs": len(false),
        "false_pairs_per_1000": 1000 * len(false) / max(images, 1),
    }


def _listed(folder: Path) -> set[tuple[str, str]]:
    table = folder / "duplicates.csv"
    if not table.exists():
        return set()
    with table.open() as file:
        pairs = [sorted((row["path_a"], row["path_b"])) for row in csv.DictReader(file)]
    return {(a, b) for a, b in pairs}


def _images(folder: Path) -> list[DatasetImage]:
    files = sorted(path for split in SPLITS for path in (folder / split).rglob("*") if path.is_file())
    paths = [file.relative_to(folder) for file in files]
    return [DatasetImage(path=path.as_posix(), split=SPLITS[path.parts[0]], label=path.parts[1]) for path in paths]


def _plant(folder: Path, images: list[DatasetImage], scratch: Path, per_kind: int) -> Copies:
    scratch.mkdir()
    random = np.random.default_rng(0)
    order = random.permutation(len(images))
    origins = {}
    for number, (name, kind) in enumerate(KINDS.items()):
        for place in range(per_kind):
            source = images[order[(number * per_kind + place) % len(order)]].path
            path = f"copy-{number}-{place}.jpg"
            with Image.open(folder / source) as image:
                copy = kind(image.convert("L"), random)
            copy.save(scratch / path, "JPEG", quality="keep" if copy.format == "JPEG" else 95)
            origins[path] = (name, source)
    return Copies(scratch, origins)


def _phantoms(folder: Path, count: int, size: int) -> Path:
    """A folder with so many independently seeded phantoms, made by all cores; what is there already stays."""
    (folder / "train" / "phantom").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(partial(_draw, folder, size), range(count), chunksize=256))
    return folder


def _draw(folder: Path, size: int, number: int) -> None:
    file = folder / "train" / "phantom" / f"{number:06d}.png"
    if not file.exists():
        label = phantoms.LABELS[number % len(phantoms.LABELS)]
        Image.fromarray(phantoms.generate(label, FIRST_SEED + number, size).image).save(file, compress_level=1)


def _isolated(function: Callable[..., Row], *arguments: object) -> Row:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _report(row: Row) -> None:
    print(json.dumps(row), flush=True)


def _targets(name: str, row: Row) -> list[Target]:
    listed = (
        [Target(f"{name}: listed pairs missed", row["listed_pairs_missed"], "==", 0)] if row["listed_pairs"] else []
    )
    cost = [
        Target(f"{name}: seconds per 7,000 images", row["seconds"] / row["images"] * 7000, "<=", 120),
        Target(f"{name}: peak MiB", row["peak_rss_mib"], "<=", 1024),
    ]
    if name == "brain-tumor-mri":  # its copies are not all known, so what is false among them is not either
        return listed + cost
    found = [Target(f"{name}: recall, {kind}", recall, ">=", 0.99) for kind, recall in row["recall"].items()]
    false = Target(f"{name}: false pairs per 1,000 images", row["false_pairs_per_1000"], "<=", 1)
    leak = [Target(f"{name}: test images with a twin in train", row["test_with_twin_in_train"], "==", 0)]
    return [*listed, *cost, *found, false, *(leak if listed else [])]


def _growth(rows: list[Row]) -> list[Target]:
    """By which power of the number of images the processors' time grows between the curve's two largest points."""
    points = [(row["images"], row["cpu_seconds"]) for row in rows if str(row["set"]).startswith("curve")][-2:]
    if len(points) < 2:
        return []
    (few, short), (many, long) = points
    return [Target("growth: power of n", math.log(long / short) / math.log(many / few), "<=", 1.5)]


if __name__ == "__main__":
    main()
