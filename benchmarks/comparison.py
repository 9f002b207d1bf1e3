"""Every GAN preset on real images at an equal budget: distances to the real images, per class, over their floor.

    python -m benchmarks.comparison [--epochs N] [--seeds 0,1] [--presets NAME,…] [--bf16]
        [--jobs N] [--runs DIR] [--out FILE]

Each preset trains at 64 px on the official training split of brain-tumor-mri, by its own defaults but for the passes
over the images, and makes 640 images of each class. They are measured against the training split, as
docs/measurement.md tells: the floor is what two halves of the real images have between them, with the same counts.
`dcgan-128` has other sides only: `dcgan-64` stands for it. The test split is not read. `PRESET:FIELD=VALUE` is a preset
with another default: `dcgan-64` with the small batches of the default preset, which at an equal budget have more steps,
is among them; `r3:mixed_precision=false` is for a processor that does not know bfloat16, where it would take hours.

Every run is a process with one thread and leaves its weights and its row in `--runs`; a run whose row is there is not
repeated, so that a stopped comparison goes on, nor is one whose row is in `--out` with the same configuration. At the
end a page with the table (`.md`) and a plot (`.svg`) are laid beside `--out`. Without the images beside the checkout,
800 phantoms take their place.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.comparison_page import write_page
from benchmarks.reporting import Target, publish
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.importing import import_version
from synthoscope.datasets.loading import load_split
from synthoscope.datasets.phantoms import write_dataset
from synthoscope.gan import loop, sampling
from synthoscope.gan.config import GanConfig
from synthoscope.gan.monitors import FLAGS
from synthoscope.gan.players import Players
from synthoscope.gan.presets import DEFAULT_PRESET, PRESETS
from synthoscope.images.storage import store_image
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.labelled_images import LabelledImages
from synthoscope.metrics.measuring import measure
from synthoscope.models.weights import dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.training.callbacks import Checkpoint, NoCallbacks, Report

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "brain-tumor-mri" / "train"
DATASET = "tenants/default/datasets/brain-tumor-mri"
SIZE = 64
PER_CLASS = 640
OF_THE_SEEDS = ("dcgan-64", "sngan-mri", "acgan-xray", "dcgan-xray")
CHOICES = (*(name for name in PRESETS if name != "dcgan-128"), "dcgan-64:batch_size=8")
THREADS = 1

Row = dict[str, Any]


@dataclass(frozen=True)
class Training:
    """The training split at 64 px: images uint8 N×64×64×3, labels int64 N; the names of its data and version."""

    data: str
    version: str
    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def main() -> None:
    arguments = _arguments()
    runs = Path(arguments.runs)
    runs.mkdir(parents=True, exist_ok=True)
    training = prepare(runs)
    if arguments.out and Path(arguments.out).exists():
        remember(Path(arguments.out), training.version, runs, arguments.epochs, arguments.bf16)
    wanted = [(preset, seed) for seed, preset in product(arguments.seeds, arguments.presets)]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        done = pool.map(lambda run: in_process(runs, run[0], run[1], arguments), wanted)
        rows = [row for row in done if row]
    facts = {"data": training.data, "dataset_version": training.version, "images": len(training.images)}
    facts |= {"side": SIZE, "generated_per_class": PER_CLASS, "threads": THREADS}
    publish("comparison", [facts, *rows], targets(rows), ["torch", "onnxruntime", "numpy"])
    if arguments.out and rows:
        write_page(Path(arguments.out), facts, rows, OF_THE_SEEDS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1])
    parser.add_argument("--presets", type=lambda text: text.split(","), default=list(CHOICES))
    parser.add_argument("--bf16", action="store_true", help="mixed precision: half the time where the CPU has AMX")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--runs", default="out/comparison")
    parser.add_argument("--out")
    parser.add_argument("--one", nargs=2, metavar=("PRESET", "SEED"), help="only this run, in this process")
    arguments = parser.parse_args()
    if arguments.one:
        preset, seed = arguments.one
        one(Path(arguments.runs), preset, int(seed), arguments.epochs, arguments.bf16)
        sys.exit()
    return arguments


def prepare(runs: Path) -> Training:
    """The images, imported as the platform does it, and kept in `runs` for the processes of the single runs."""
    kept, facts = runs / "images.npy", runs / "training.json"
    if not facts.exists():
        folder = REAL
        if not REAL.is_dir():
            write_dataset(runs / "phantoms", 200, 1, SIZE, 0)
            folder = runs / "phantoms" / "train"
        objects = InMemoryObjectStore()
        version = import_version(
            objects, DATASET, [_stored(objects, folder, file) for file in sorted(folder.glob("*/*"))]
        )
        split = load_split(objects, version.name, Split.SPLIT_TRAIN, SIZE, PixelCache(runs / "cache"))
        np.save(kept, split.images)
        data = "brain-tumor-mri, official training split" if folder == REAL else "phantoms"
        known = {"data": data, "version": version.name, "classes": split.classes, "labels": split.labels.tolist()}
        facts.write_text(json.dumps(known))
    known = json.loads(facts.read_text())
    labels = np.array(known["labels"], np.int64)
    return Training(known["data"], known["version"], tuple(known["classes"]), np.load(kept, mmap_mode="r"), labels)


def _stored(objects: InMemoryObjectStore, folder: Path, file: Path) -> DatasetImage:
    reference = store_image(objects, "default", file.read_bytes())
    path = file.relative_to(folder).as_posix()
    return DatasetImage(path=path, split=Split.SPLIT_TRAIN, label=file.parent.name, image=reference)


def configured(preset: str, seed: int, epochs: int, bf16: bool) -> GanConfig:
    """A preset's own defaults but for the budget, with another default where its name has one."""
    name, _, changed = preset.partition(":")
    config = GanConfig(
        preset=name,
        epochs=epochs,
        seed=seed,
        image_size=SIZE,
        mixed_precision=bf16,
        measure_kimg=0.0,
        sample_every=10**9,
        checkpoint_every=10**9,
    )
    if not changed:
        return config
    field, _, value = changed.partition("=")
    return GanConfig.from_json(config.to_json() | {field: json.loads(value)})


def remember(recorded: Path, version: str, runs: Path, epochs: int, bf16: bool) -> None:
    """Lays rows of an earlier report, of the same images and configurations, where runs leave theirs."""
    facts, *rows = json.loads(recorded.read_text())["rows"]
    for row in rows:
        kept = _row(runs, row["preset"], row["seed"], epochs, bf16)
        same = row["config"] == configured(row["preset"], row["seed"], epochs, bf16).to_json()
        if facts["dataset_version"] == version and same and not kept.exists():
            kept.write_text(json.dumps(row))


def in_process(runs: Path, preset: str, seed: int, arguments: argparse.Namespace) -> Row | None:
    """A run in a process of its own, if its row is not there yet; None where it failed, which is printed."""
    if not _row(runs, preset, seed, arguments.epochs, arguments.bf16).exists():
        options = ["--runs", str(runs), "--epochs", str(arguments.epochs), "--one", preset, str(seed)]
        options += ["--bf16"] if arguments.bf16 else []
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(THREADS))
        done = subprocess.run([sys.executable, "-m", "benchmarks.comparison", *options], env=os.environ | threads)
        if done.returncode:
            print(f"{preset}, seed {seed}: ended with status {done.returncode}", file=sys.stderr, flush=True)
            return None
    return json.loads(_row(runs, preset, seed, arguments.epochs, arguments.bf16).read_text())


def one(runs: Path, preset: str, seed: int, epochs: int, bf16: bool) -> None:
    """Trains a preset and measures what it makes."""
    torch.set_num_threads(THREADS)
    training, config = prepare(runs), configured(preset, seed, epochs, bf16)
    began = time.process_time()
    last = Last(f"{preset}, seed {seed}")
    loop.train(config, training.images, training.labels, training.classes, callbacks=last)
    seconds = time.process_time() - began
    assert last.checkpoint is not None
    tensors = {name: tensor for name, tensor in last.checkpoint.tensors.items() if not Players.is_moment(name)}
    _row(runs, preset, seed, epochs, bf16).with_suffix(".safetensors").write_bytes(dump_weights(tensors))
    record = ModelVersion(
        name=f"{config.preset}-{seed}",
        kind=ModelKind.MODEL_KIND_GAN,
        classes=training.classes,
        preset=config.preset,
        image_size=SIZE,
    )
    record.config.update(config.to_json())
    generators = sampling.from_tensors(record, tensors)
    batches = [
        (name, batch) for name in generators.labels for batch in sampling.sample(generators, name, PER_CLASS, seed)
    ]
    generated = LabelledImages(
        np.concatenate([batch for _, batch in batches]), [name for name, batch in batches for _ in batch]
    )
    real = LabelledImages(training.images, [training.classes[number] for number in training.labels])
    found = measure(generated, real, None, Remembered(runs / "features"), symmetries=("as it is",))
    row = {
        "preset": preset,
        "seed": seed,
        "kimg": round(last.images_seen / 1000, 2),
        "cpu_seconds_per_kimg": round(1000 * seconds / last.images_seen, 1),
        "flagged": last.flagged,
        "config": config.to_json(),
        "measurement": found.as_json(),
    }
    _row(runs, preset, seed, epochs, bf16).write_text(json.dumps(row))
    print(json.dumps({"preset": preset, "seed": seed} | found.as_json()["frechet"]), flush=True)


class Last(NoCallbacks):
    """Keeps the last checkpoint and what the monitors flagged, and says now and then how far the run is."""

    def __init__(self, title: str) -> None:
        self.title, self.images_seen = title, 0
        self.checkpoint: Checkpoint | None = None
        self.flagged: dict[str, int] = {}
        self._said = time.monotonic()

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keeps it."""
        self.checkpoint = checkpoint

    def on_report(self, report: Report) -> None:
        """Counts the steps at which a monitor had its flag up."""
        self.images_seen = report.images_seen
        for name in FLAGS:
            if report.metrics.get(name):
                self.flagged[name] = self.flagged.get(name, 0) + 1
        if time.monotonic() - self._said > 60:
            self._said = time.monotonic()
            print(f"{self.title}: step {report.step} of {report.total_steps}", file=sys.stderr, flush=True)


class Remembered:
    """The default features, kept in a folder: every run asks for those of the same real images."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._extractor = folder, EfficientNetLite0()
        self.name, self.dimensions = self._extractor.name, self._extractor.dimensions
        self.probabilities = self._extractor.probabilities
        folder.mkdir(exist_ok=True)

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As EfficientNetLite0's."""
        kept = self._folder / f"{hashlib.sha256(images.tobytes()).hexdigest()}.npy"
        if not kept.exists():
            part = kept.with_suffix(f".{os.getpid()}.npy")
            np.save(part, self._extractor.features(images))
            part.rename(kept)
        features: NDArray[np.float32] = np.load(kept)
        return features


def _row(runs: Path, preset: str, seed: int, epochs: int, bf16: bool) -> Path:
    precision = "bf16" if bf16 else "float32"
    return runs / f"{preset}-{epochs}-epochs-{precision}-seed-{seed}.json"


def ratio(rows: Sequence[Row], preset: str) -> float:
    """The mean over seeds of a preset's Fréchet distance over its floor, all classes together."""
    ratios = [row["measurement"]["frechet"]["overall"]["ratio"] for row in rows if row["preset"] == preset]
    return float(np.mean(ratios))


def targets(rows: Sequence[Row]) -> list[Target]:
    """Whether the default is ahead of every preset of the seed papers."""
    done = {row["preset"] for row in rows}
    return [
        Target(f"Fréchet ratio of {default} / of {preset}", ratio(rows, default) / ratio(rows, preset), "<", 1)
        for default, preset in product((DEFAULT_PRESET, f"{DEFAULT_PRESET}:mixed_precision=false"), OF_THE_SEEDS)
        if {default, preset} <= done
    ]


if __name__ == "__main__":
    main()
