"""Whether published networks refuse what they were not made for, and keep what they were: real images of both kinds.

    synthoscope up
    python -m benchmarks.strangers [RECORD ...] [--out FILE]

Records are those of `benchmarks.diagnosis`, made on the stack that is up, by default those in benchmarks/results. Every
chosen network answers the test images of all their datasets: those of its own are to be kept, those of the others, of
another modality, to be refused. Made-up strangers are in each model version's record.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reporting import Target, publish
from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.classifier.prediction import load_classifier
from synthoscope.client.connection import default_home
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.loading import load_split
from synthoscope.local.state import StackState
from synthoscope.objects import MinioObjectStore, ObjectStore

RESULTS = Path(__file__).resolve().parent / "results"

COVERAGE, TOLERANCE = 0.9, 0.02
FEWEST_REFUSED, MOST_FALSELY_REFUSED = 0.99, 0.02


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("records", nargs="*", type=Path, default=sorted(RESULTS.glob("diagnosis-*.json")))
    parser.add_argument("--out")
    records = [json.loads(path.read_text())["rows"] for path in parser.parse_args().records]
    versions = {rows[0]["data"]: rows[0]["dataset_version"] for rows in records}
    home = default_home()
    objects, cache = MinioObjectStore(StackState.load(home).objects), PixelCache(home / "cache")
    found = []
    for rows in records:
        for model in chosen(rows):
            for data, version in versions.items():
                found.append(facts(model) | answered(objects, cache, model["model_version"], data, version))
                print(found[-1], file=sys.stderr, flush=True)
    publish("strangers", found, targets(found), ("torch", "numpy"))


def chosen(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows on the reliability of the chosen network's versions."""
    return [row for row in rows if row.get("candidate") == rows[0]["chosen"] and "set_coverage" in row]


def facts(model: dict[str, Any]) -> dict[str, Any]:
    return {
        "trained_on": model["data"],
        "seed": model["seed"],
        "model_version": model["model_version"],
        "set_coverage_of_resplits": model["set_coverage"],
    }


def answered(objects: ObjectStore, cache: PixelCache, model: str, data: str, version: str) -> dict[str, Any]:
    """What a network says of a dataset's test images; of its own also how good its prediction sets are."""
    classifier = load_classifier(objects, model)
    images = load_split(objects, version, Split.SPLIT_TEST, classifier.image_size, cache, classifier.pipeline)
    answers = classifier.answer(images.images)
    row: dict[str, Any] = {
        "asked": data,
        "images": len(images.labels),
        "refused": round(float(answers.refused.mean()), 4),
    }
    if version == classifier.record.lineage.dataset_version and answers.sets is not None:
        held = answers.sets[np.arange(len(images.labels)), images.labels]
        row["accuracy"] = round(float((answers.predicted == images.labels).mean()), 4)
        row["set_coverage"] = round(float(held.mean()), 4)
        row["mean_set_size"] = round(float(answers.sets.sum(axis=1).mean()), 4)
    return row


def targets(rows: list[dict[str, Any]]) -> list[Target]:
    """What the networks of each dataset are to reach, all seeds of them."""
    wanted = []
    for data in dict.fromkeys(row["trained_on"] for row in rows):
        own = [row for row in rows if row["trained_on"] == row["asked"] == data]
        others = [row for row in rows if row["trained_on"] == data != row["asked"]]
        off = max(abs(row["set_coverage_of_resplits"] - COVERAGE) for row in own)
        wanted += [
            Target(f"{data}: coverage of sets over 100 re-splits, from 0.9", round(off, 4), "<=", TOLERANCE),
            Target(f"{data}: own test images refused", max(row["refused"] for row in own), "<=", MOST_FALSELY_REFUSED),
            *(
                Target(f"{data}: {row['asked']} refused, seed {row['seed']}", row["refused"], ">=", FEWEST_REFUSED)
                for row in others
            ),
        ]
    return wanted


if __name__ == "__main__":
    main()
