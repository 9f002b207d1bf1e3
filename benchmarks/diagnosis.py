"""How well real images are diagnosed: networks chosen on validation, then three seeds on the official test split.

    synthoscope up
    python -m benchmarks.diagnosis [--only brain-tumor-mri] [--seeds 0,1,2] [--jobs N] [--out FILE]

Each dataset of ../shared/data is imported and audited, and every candidate is trained with the first seed by the
running stack, which publishes a model version of each. The one with the best macro F1 on validation, which is held out
of the training split by copies and patients, is trained with the other seeds too. Only its test results are read: on
the official split, and on what is left of it without copies of training images and patients known from there.

Jobs are found again by what they train, so a benchmark that was stopped goes on. What a version carries besides
(temperature, prediction sets, refusals, robustness) is in its record and card: `synthoscope model card`.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from google.protobuf.json_format import MessageToDict

from benchmarks.reporting import Target, publish
from synthoscope.api.images.v1.preprocessing_pb2 import CentreCrop, Preprocessing, PreprocessingStep
from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobEvent
from synthoscope.api.models.v1.models_pb2 import Evaluation, ModelVersion
from synthoscope.api.training.v1.training_pb2 import ClassifierTrainingConfig
from synthoscope.cli.fields import set_fields
from synthoscope.client import Client
from synthoscope.client.repeating import ensure
from synthoscope.datasets.sources import SourceOptions
from synthoscope.models.evaluations import DEDUPLICATED, TEST, VALIDATION

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

Row = dict[str, object]

PLACED = ("augmentation.rotation_degrees=10", "augmentation.shear_degrees=5")
SHIFTED = ("augmentation.width_shift=0.08", "augmentation.height_shift=0.08", "augmentation.zoom=0.15")
EXPOSED = ("augmentation.brightness=0.2", "augmentation.contrast=0.2")
# The audit of the chest X-rays says that the size of the pictures tells the class: with 77 % where chance gives 50 %.
CROPPED = (
    *("augmentation.crop=0.5", "augmentation.zoom=0.1", "evaluation_crop=0.1"),
    *("augmentation.brightness=0.3", "augmentation.contrast=0.4", "class_balance=weighted-loss"),
)
# Letters and the collimator's edge are at the border, and may tell the classes apart.
WITHOUT_BORDER = Preprocessing(steps=[PreprocessingStep(centre_crop=CentreCrop(share=0.15))])
# Whom it is to find: a missed pneumonia costs more than a second look at a healthy child.
SENSITIVE = ("operating_label=PNEUMONIA", "operating_sensitivity=0.95")


@dataclass(frozen=True)
class Candidate:
    """Fields of a configuration; the network goes on from what `after`, another candidate, is with the same seed.

    The same seed holds the same images out, so neither has learned what the other is chosen by.
    """

    fields: Sequence[str]
    after: str = ""


@dataclass(frozen=True)
class Dataset:
    """A folder of ../shared/data and what is tried on it, after `preprocessing`.

    `patients` is the column of its manifest that tells patients apart, `accuracy` what must be reached, `named` the
    class whose recall is named.
    """

    folder: str
    patients: str
    accuracy: float
    named: str
    candidates: Mapping[str, Candidate]
    preprocessing: Preprocessing | None = None


DATASETS = (
    Dataset(
        "brain-tumor-mri",
        "",
        0.97,
        "glioma",
        {
            "cnn-64": Candidate(("preset=cnn-64", "epochs=15")),
            "efficientnet-lite0": Candidate(
                ("preset=efficientnet-lite0", "epochs=6", "ema_decay=0.99", *PLACED, *SHIFTED, *EXPOSED)
            ),
            "efficientnet-lite0, longer": Candidate(
                (
                    *("preset=efficientnet-lite0", "epochs=7", "frozen_epochs=1", "ema_decay=0.99", "mixup=0.2"),
                    *(*PLACED, *SHIFTED, *EXPOSED, "augmentation.horizontal_flip=true"),
                ),
                after="efficientnet-lite0",
            ),
            "efficientnet-lite0, longer, then at 160 px": Candidate(
                (
                    *("preset=efficientnet-lite0", "image_size=160", "epochs=4", "frozen_epochs=1"),
                    *("learning_rate=0.0005", "ema_decay=0.99"),
                    *(*PLACED, *SHIFTED, *EXPOSED, "augmentation.horizontal_flip=true"),
                ),
                after="efficientnet-lite0, longer",
            ),
        },
    ),
    Dataset(
        "chest-xray-pneumonia",
        "patient_key",
        0.93,
        "NORMAL",
        {
            "cnn-64": Candidate(("preset=cnn-64", "epochs=10", *PLACED, *CROPPED, *SENSITIVE)),
            "efficientnet-lite0": Candidate(
                (
                    *("preset=efficientnet-lite0", "image_size=96", "epochs=6", "ema_decay=0.99"),
                    *(*PLACED, *CROPPED, *SENSITIVE),
                )
            ),
        },
        WITHOUT_BORDER,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=[dataset.folder for dataset in DATASETS])
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings at once")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    rows: list[Row] = []
    targets: list[Target] = []
    with Client() as client:
        for dataset in DATASETS:
            if arguments.only in (None, dataset.folder):
                found = diagnose(client, dataset, arguments.seeds, arguments.jobs)
                rows += found
                mean = fmean(float(str(row["accuracy"])) for row in found if row.get("split") == TEST)
                targets.append(Target(f"mean accuracy, {dataset.folder}", round(mean, 4), ">=", dataset.accuracy))
    publish("diagnosis", rows, targets, ["torch", "ray", "onnxruntime", "numpy", "scikit-learn"])


def diagnose(client: Client, dataset: Dataset, seeds: Sequence[int], jobs: int) -> list[Row]:
    """All rows of a dataset: every candidate on validation, the chosen one on the test split."""
    version = imported(client, dataset)
    with ThreadPoolExecutor(jobs) as pool:

        def train(runs: Sequence[tuple[str, int]]) -> dict[tuple[str, int], ModelVersion]:
            return dict(zip(runs, pool.map(lambda run: trained(client, dataset, version, *run), runs), strict=True))

        models = train([(candidate, seeds[0]) for candidate in dataset.candidates])
        chosen = max(dataset.candidates, key=lambda name: split_of(models[name, seeds[0]], VALIDATION).macro_f1)
        models |= train([(chosen, seed) for seed in seeds[1:]])
    rows: list[Row] = [{"data": dataset.folder, "dataset_version": version, "chosen": chosen, "seeds": list(seeds)}]
    for (candidate, seed), model in models.items():
        facts = {"data": dataset.folder, "candidate": candidate, "seed": seed, "model_version": model.name}
        rows.append(facts | {"preset": model.preset, "config": MessageToDict(model.config)})
        rows.append(facts | reliability_of(model))
        splits = (VALIDATION, TEST, DEDUPLICATED) if candidate == chosen else (VALIDATION,)
        rows += [facts | described(split_of(model, split), dataset.named) for split in splits]
    return rows


def imported(client: Client, dataset: Dataset) -> str:
    """The name of the imported and audited version; the same as of an earlier import when nothing has changed."""
    labels = DATA / dataset.folder / "manifest.csv"
    options = SourceOptions(labels=labels, columns={"patient": dataset.patients} if dataset.patients else {})
    version = client.datasets.import_source(
        DATA / dataset.folder, dataset.folder, options, preprocessing=dataset.preprocessing
    ).name
    client.jobs.wait(client.datasets.audit(version).name)
    return version


def trained(client: Client, dataset: Dataset, version: str, candidate: str, seed: int) -> ModelVersion:
    """The model version that a candidate's training publishes."""
    config = ClassifierTrainingConfig(seed=seed)
    set_fields(config, dataset.candidates[candidate].fields)
    if before := dataset.candidates[candidate].after:
        config.weights = trained(client, dataset, version, before, seed).name

    def start(request_id: str) -> Job:
        return client.models.train_classifier(version, f"{dataset.folder}-{config.preset}", config, (), request_id)

    job = ensure(start, "diagnosis", version, config)
    said = ""

    def on_event(event: JobEvent) -> None:
        nonlocal said
        progress = event.job.progress
        line = f"{dataset.folder}, {candidate}, seed {seed}: {progress.phase}"
        if line != said:
            print(line, progress.step, "of", progress.total_steps, file=sys.stderr, flush=True)
            said = line

    return client.models.get(client.jobs.wait(job.name, on_event).result)


def reliability_of(model: ModelVersion) -> Row:
    """Prediction sets, refusals and where it is decided: as fitted on validation images."""
    sets, strangers = model.reliability.conformal, model.reliability.out_of_distribution
    row: Row = {
        "temperature": round(model.reliability.temperature, 4),
        "set_coverage": round(sets.measured_coverage, 4),
        "mean_set_size": round(sets.mean_set_size, 4),
        "false_refusals": round(strangers.false_refusals, 4),
        "strangers_refused": {kind: round(share, 4) for kind, share in sorted(strangers.refused.items())},
    }
    if model.reliability.HasField("operating_point"):
        point = model.reliability.operating_point
        row["operating_point"] = {
            "label": point.label,
            "sensitivity": point.sensitivity,
            "threshold": round(point.threshold, 4),
        }
    return row


def split_of(model: ModelVersion, split: str) -> Evaluation:
    """A version's results on a split."""
    return next(found for found in model.evaluations if found.split == split)


def described(found: Evaluation, named: str) -> Row:
    """The figures of an evaluation that are looked at first, with intervals where there are some."""
    scores = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "auprc", "brier", "expected_calibration_error")
    row: Row = {score: round(getattr(found, score), 4) for score in scores}
    # Reliability is that of the likeliest class, whatever is answered at the operating point.
    images = sum(item.count for item in found.reliability)
    right = sum(item.accuracy * item.count for item in found.reliability)
    row["accuracy_of_the_likeliest"] = round(right / images, 4)
    row["intervals"] = {
        name: [round(found.intervals[name].low, 4), round(found.intervals[name].high, 4)]
        for name in ("accuracy", "auroc", f"recall.{named}")
        if name in found.intervals
    }
    return row | {
        "split": found.split,
        "images": sum(sum(line.counts) for line in found.confusion),
        "groups": found.groups,
        "left_out": found.left_out,
        "recall": {scores.label: round(scores.recall, 4) for scores in found.classes},
        "specificity": {scores.label: round(scores.specificity, 4) for scores in found.classes},
        "confusion": [list(line.counts) for line in found.confusion],
        "refused": round(found.refused, 4),
    }


if __name__ == "__main__":
    main()
