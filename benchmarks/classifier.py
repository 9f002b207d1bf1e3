"""How fast classifiers train on a CPU: against the same network in eager PyTorch and NCHW, and with frozen backbones.

- steps: whole optimiser steps (forward, backward, AdamW) of a network as PyTorch has it by default, channels last as
  the training loop has it, and compiled besides (`compile`). They take turns, so that all meet the same machine;
  medians count, and a step's first calls, compilation among them, are given apart
- frozen: epochs of a frozen backbone with its features computed once, through ONNX Runtime, against computing them in
  every epoch; the first epoch, which computes them, is given apart

`--quick` takes small images and few turns.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.reporting import Target, publish
from synthoscope.classifier.config import ALL_EPOCHS, NO_AUGMENTATION, ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.loop import Surroundings, train
from synthoscope.classifier.networks import Network, build_network
from synthoscope.classifier.objectives import OneOf
from synthoscope.classifier.presets import PRESETS
from synthoscope.images.augmentation import Augmentation
from synthoscope.training.callbacks import NoCallbacks, Report

QUICK = "--quick" in sys.argv
NETWORKS = ("cnn-128", "efficientnet-lite0") if QUICK else ("cnn-128", "cnn-xray", "efficientnet-lite0", "resnet50")
BATCH, TURNS = 32, 3 if QUICK else 7
CLASSES = 4
FASTER, FROZEN_FASTER = 1.4, 5.0
FROZEN_IMAGES, FROZEN_EPOCHS = (128, 3) if QUICK else (512, 4)
NAMES = tuple("abcd")

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
    """Images a second of a network's three kinds of step."""
    side = PRESETS[preset].image_size
    images, labels = torch.rand(BATCH, 3, side, side), torch.arange(BATCH) % CLASSES
    plain = build_network(preset, CLASSES).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    ours, compiled = build_network(preset, CLASSES), build_network(preset, CLASSES)
    near = images.contiguous(memory_format=torch.channels_last)
    kinds = {
        "eager_nchw": step(plain, plain, images, labels),
        "channels_last": step(ours, ours, near, labels),
        "compiled": step(compiled, torch.compile(compiled), near, labels),
    }
    first = {name: seconds(run) for name, run in kinds.items()}
    for run in kinds.values():
        run()
    taken = {name: [] for name in kinds}  # type: dict[str, list[float]]
    for _ in range(TURNS):
        for name, run in kinds.items():
            taken[name].append(seconds(run))
    rates = {name: BATCH / statistics.median(values) for name, values in taken.items()}
    return {
        "what": "steps",
        "preset": preset,
        "image_size": side,
        **{f"{name}_images_per_second": round(rate, 1) for name, rate in rates.items()},
        **{f"{name}_times": round(rates[name] / rates["eager_nchw"], 2) for name in ("channels_last", "compiled")},
        "compiled_first_seconds": round(first["compiled"], 1),
    }


def step(
    network: Network, forward: Callable[..., torch.Tensor], images: torch.Tensor, labels: torch.Tensor
) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(network.train().parameters(), 1e-4, fused=True)

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
