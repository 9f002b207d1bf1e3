"""How fast classifiers train on a CPU: against the same network in eager PyTorch and NCHW, and with frozen backbones.

- steps: whole optimiser steps (forward, backward, AdamW) of a network as PyTorch has it by default; channels last and
  keeping freed memory, as training jobs have it; and compiled besides (`compile`). Each in a process of its own, for
  what is freed is a process's affair; they take turns, so that all meet the same machine. Medians count, and a step's
  first call, compilation included, is given apart
- frozen: epochs of a frozen backbone with its features computed once, through ONNX Runtime, against computing them in
  every epoch; the first epoch, which computes them, is given apart

`--quick` takes small images and few turns.
"""

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.reporting import Target, publish
from synthoscope.classifier.config import ALL_EPOCHS, NO_AUGMENTATION, ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.loop import Surroundings, train
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.objectives import OneOf
from synthoscope.classifier.presets import PRESETS
from synthoscope.images.augmentation import Augmentation
from synthoscope.training.callbacks import NoCallbacks, Report
from synthoscope.training.processors import keep_freed_memory

QUICK = "--quick" in sys.argv
NETWORKS = ("cnn-128", "efficientnet-lite0") if QUICK else ("cnn-128", "cnn-xray", "efficientnet-lite0", "resnet50")
BATCH, TURNS = 32, 3 if QUICK else 7
CLASSES = 4
FASTER, FROZEN_FASTER = 1.4, 5.0
FROZEN_IMAGES, FROZEN_EPOCHS = (128, 3) if QUICK else (512, 4)
NAMES = tuple("abcd")

KINDS = ("eager_nchw", "channels_last", "compiled")

Row = dict[str, object]


def main() -> None:
    rows: list[Row] = []
    ratios = {}
    for preset in NETWORKS:
        row = steps(preset)
        rows.append(row)
        ratios[preset] = max(float(str(row["channels_last_times"])), float(str(row["compiled_times"])))
        print(row, file=sys.stderr, flush=True)
    frozen = frozen_epochs()
    rows.append(frozen)
    publish(
        "classifier",
        [{"load": os.getloadavg(), "threads": torch.get_num_threads(), "quick": QUICK}, *rows],
        [
            Target("images a second / eager NCHW, median network", statistics.median(ratios.values()), ">=", FASTER),
            Target("epochs a second, frozen / computed", float(str(frozen["times"])), ">=", FROZEN_FASTER),
        ],
        ["torch", "onnxruntime"],
    )


def steps(preset: str) -> Row:
    """Images a second of a network's three kinds of step, each in a process of its own."""
    processes = {kind: Steps(kind, preset) for kind in KINDS}
    first = {kind: process.seconds() for kind, process in processes.items()}
    taken = {kind: [] for kind in KINDS}  # type: dict[str, list[float]]
    for _ in range(1 + TURNS):
        for kind, process in processes.items():
            taken[kind].append(process.seconds())
    for process in processes.values():
        process.end()
    # The first turn is a warm-up.
    rates = {kind: BATCH / statistics.median(values[1:]) for kind, values in taken.items()}
    return {
        "what": "steps",
        "preset": preset,
        "image_size": PRESETS[preset].image_size,
        **{f"{kind}_images_per_second": round(rate, 1) for kind, rate in rates.items()},
        **{f"{kind}_times": round(rates[kind] / rates["eager_nchw"], 2) for kind in ("channels_last", "compiled")},
        "compiled_first_seconds": round(first["compiled"], 1),
    }


class Steps:
    """A process that does a step of a network when it is told to, and waits else."""

    def __init__(self, kind: str, preset: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, kind, preset), daemon=True)
        self._process.start()

    def seconds(self) -> float:
        """How long one step takes."""
        self._pipe.send(True)
        taken: float = self._pipe.recv()
        return taken

    def end(self) -> None:
        """Ends the process."""
        self._pipe.send(False)
        self._process.join()


def serve(pipe: "Connection[float, bool]", kind: str, preset: str) -> None:
    run = step(kind, preset)
    while pipe.recv():
        pipe.send(seconds(run))


def step(kind: str, preset: str) -> Callable[[], None]:
    """A whole optimiser step, as PyTorch has it by default or as a training job has it."""
    side = PRESETS[preset].image_size
    images, labels = torch.rand(BATCH, 3, side, side), torch.arange(BATCH) % CLASSES
    layout = torch.contiguous_format if kind == "eager_nchw" else torch.channels_last
    network = build_network(preset, CLASSES).train().to(memory_format=layout)  # type: ignore[call-overload]
    images = images.contiguous(memory_format=layout)
    if kind != "eager_nchw":
        keep_freed_memory()
    forward = torch.compile(network) if kind == "compiled" else network
    optimiser = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)

    def run() -> None:
        loss = F.cross_entropy(forward(images), labels)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()

    return run


def frozen_epochs() -> Row:
    """Seconds of an epoch of a frozen EfficientNet-Lite0 whose features are kept, and whose are computed each time."""
    once = replace(
        PRESETS["efficientnet-lite0"],
        epochs=FROZEN_EPOCHS,
        frozen_epochs=ALL_EPOCHS,
        augmentation=NO_AUGMENTATION,
        weights="none",
        early_stopping_patience=FROZEN_EPOCHS,
    )
    # A change that changes nothing, of which the loop cannot know it.
    each_time = replace(once, augmentation=Augmentation(0, 0, 0, 0, 0, contrast=1e-12))
    (first, *kept), computed = epochs(once), epochs(each_time)
    rest = statistics.median(kept)
    return {
        "what": "frozen",
        "images": FROZEN_IMAGES,
        "first_epoch_seconds": round(first, 2),
        "kept_epoch_seconds": round(rest, 3),
        "computed_epoch_seconds": round(statistics.median(computed), 2),
        "times": round(statistics.median(computed) / rest, 1),
    }


def epochs(config: ClassifierConfig) -> list[float]:
    """Seconds of each epoch."""
    generator = np.random.default_rng(0)

    def drawn(count: int) -> LabelledPixels:
        shape = (count, config.image_size, config.image_size, 3)
        return LabelledPixels(generator.integers(0, 256, shape).astype(np.uint8), np.arange(count) % CLASSES)

    class Clock(NoCallbacks):
        def __init__(self) -> None:
            self.times = [time.perf_counter()]

        def on_report(self, report: Report) -> None:
            if report.metrics:
                self.times.append(time.perf_counter())

    clock = Clock()
    data = TrainingData(drawn(FROZEN_IMAGES), drawn(FROZEN_IMAGES // 8))
    train(config, data, OneOf(NAMES), Surroundings(callbacks=clock))
    return np.diff(clock.times).tolist()


def seconds(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
