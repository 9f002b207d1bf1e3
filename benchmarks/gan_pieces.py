"""The part of the benchmark `gan` that has processes of its own: trains a preset in pieces, measures each, prints JSON.

`python -m benchmarks.gan_pieces '{"preset": …}'`; the keys are the fields of Pieces. With workers, it trains on Ray
Train, as a job does: with progress in Redis and events, grids and checkpoints in the object store.
"""

import json
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthoscope.gan.config import PRESETS, Conditioning, GanConfig
from synthoscope.gan.loop import train
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.worker import JobWorker
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks, NoCallbacks, Picture, Report
from synthoscope.training.parallel import World

POLL_SECONDS = 0.002
TURN_SECONDS = 900.0
"""How long to wait for the other process's piece."""


@dataclass(frozen=True)
class Pieces:
    """What to train: `pieces` times `steps` steps of a preset.

    With a file of `turns`, whose number of bytes says whose turn it is, only every second piece is this process's own.
    """

    preset: str
    steps: int
    pieces: int
    workers: int = 0
    turns: str = ""
    turn: int = 0

    def config(self) -> GanConfig:
        """The preset's own but for what must not differ between presets."""
        preset = PRESETS[self.preset]
        side = 64 if 64 in preset.sizes else preset.sizes[0]
        known = Conditioning.CONDITIONAL in preset.conditionings
        conditioning = Conditioning.CONDITIONAL if known else Conditioning.UNCONDITIONAL
        return GanConfig(
            self.preset,
            epochs=self.steps * self.pieces,
            conditioning=conditioning,
            image_size=side,
            workers=max(1, self.workers),
            sample_every=10**6,
            checkpoint_every=10**6,
            measure_kimg=0.0,
        )


@dataclass
class Paced:
    """Callbacks that measure a loop's pieces, take turns with another process, and pass everything on."""

    what: Pieces
    inner: LoopCallbacks
    found: list[dict[str, float]] = field(default_factory=list)
    apart: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wait()

    def on_report(self, report: Report) -> None:
        self.inner.on_report(report)
        if report.step % self.what.steps:
            return
        wall, processors = self._now()
        self.found.append({"seconds": wall - self._began[0], "processor_seconds": processors - self._began[1]})
        if self.what.turns:
            with Path(self.what.turns).open("ab") as turns:
                turns.write(b".")
        if report.step < report.total_steps:
            self._wait()

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        began = time.perf_counter()
        self.inner.on_checkpoint(checkpoint)
        self.apart["checkpoint_seconds"] = time.perf_counter() - began

    def on_pictures(self, step: int, pictures: list[Picture]) -> None:
        began = time.perf_counter()
        self.inner.on_pictures(step, pictures)
        self.apart["storing_grids_seconds"] = time.perf_counter() - began

    def should_stop(self) -> bool:
        return self.inner.should_stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + TURN_SECONDS
        while self.what.turns and Path(self.what.turns).stat().st_size % 2 != self.what.turn:
            if time.monotonic() > deadline:
                raise TimeoutError("the other process does not pass the turn")
            time.sleep(POLL_SECONDS)
        self._began = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def train_pieces(what: Pieces, out: str, world: World, callbacks: LoopCallbacks, resume: Checkpoint | None) -> None:
    """The loop on one worker, on an epoch's images of noise; rank 0 writes what it measured into a file."""
    torch.set_num_threads(1)
    config = what.config()
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (config.batch_size, config.image_size, config.image_size, 3), np.uint8)
    paced: LoopCallbacks = Paced(what, callbacks) if world.is_first else callbacks
    train(config, images, np.arange(config.batch_size) % 2, ("a", "b"), world, paced)
    if isinstance(paced, Paced):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sizes = {"steps": what.steps, "batch_size": config.batch_size, "image_size": config.image_size}
        answer = {"pieces": paced.found, "peak_mebibytes": round(peak), **paced.apart, **sizes}
        Path(out).write_text(json.dumps(answer))


def train_on_ray(what: Pieces, out: str) -> None:
    """The same as a job's attempt, on the stack that the environment names."""
    from synthoscope_ray import trainer
    from synthoscope_ray.program import open_stores

    stores = open_stores()
    name = f"tenants/default/jobs/{uuid.uuid4().hex}"
    stores.jobs.create(Job(name, JobKind.GAN_TRAINING, JobState.RUNNING, datetime.now(UTC), attempt=1))
    with JobWorker(stores.jobs, stores.objects, name, 1) as worker:
        trainer.run(worker, stores, partial(train_pieces, what, out), what.workers)


def main(values: Mapping[str, Any]) -> None:
    what = Pieces(**values)
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/found.json"
        if what.workers:
            train_on_ray(what, out)
        else:
            train_pieces(what, out, World(), NoCallbacks(), None)
        print(Path(out).read_text())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
