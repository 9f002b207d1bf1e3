"""A run's curves and sample grids as TensorBoard event files, in the object store.

Each file holds what came since the one before; one is stored before each checkpoint. So a run that goes on from a
checkpoint has all events before it, and overwrites those after it by the same.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboardX import SummaryWriter

from synthoscope.jobs.event_files import event_file_key
from synthoscope.objects import ObjectStore
from synthoscope.training.callbacks import Picture

POINTS = 1000
"""Points of a curve, about."""


class EventLog:
    """Collects the curves of one job; `store` moves them into the object store, below the job's name."""

    def __init__(self, objects: ObjectStore, job: str) -> None:
        self._objects, self._job = objects, job
        self._latest: dict[str, float] = {}
        self._waiting: list[tuple[int, float, str, float]] = []

    def add_metrics(self, step: int, total_steps: int, metrics: Mapping[str, float]) -> None:
        """Keeps a step's metrics if it is one of about POINTS: those that have another value than before."""
        if step % max(1, total_steps // POINTS) and step != total_steps:
            return
        now = time.time()
        changed = {name: value for name, value in metrics.items() if self._latest.get(name) != value}
        self._waiting += [(step, now, name, value) for name, value in changed.items()]
        self._latest |= metrics

    def store(self, step: int, pictures: Sequence[Picture] = ()) -> None:
        """Stores what came since the last call, and a step's sample grids, as one file named by the step.

        Nothing is stored if nothing came.
        """
        if not self._waiting and not pictures:
            return
        with tempfile.TemporaryDirectory() as folder:
            with SummaryWriter(folder) as writer:
                for at, now, name, value in self._waiting:
                    writer.add_scalar(name, value, at, now)
                for picture in pictures:
                    writer.add_image(f"samples/{picture.label or 'all'}", picture.pixels, step, dataformats="HWC")
            (file,) = Path(folder).iterdir()
            self._objects.put(event_file_key(self._job, step), file.read_bytes())
        self._waiting.clear()
