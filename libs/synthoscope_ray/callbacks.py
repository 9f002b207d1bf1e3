"""What a training loop on a Ray Train worker calls: progress, checkpoints, pictures and cancellation of its job."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from google.protobuf import json_format

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import ModelVersion, SampleGrid
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.job import Progress
from synthoscope.jobs.outcomes import checkpoints_prefix
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import ObjectStore
from synthoscope.training.callbacks import Checkpoint, Picture, Report
from synthoscope.training.checkpoints import CheckpointStore
from synthoscope.training.event_log import EventLog
from synthoscope.training.parallel import World
from synthoscope_ray.elasticity import WorkerHistory

REPORT_SECONDS = 0.25
"""Least time between two reports of a job's progress, and between two questions whether it was cancelled."""

RAY_REPORT_STEPS = 100
"""Steps between two reports to Ray Train, whose workers wait for each other at each of them."""


class JobCallbacks:
    """LoopCallbacks of one worker of a job. Rank 0 speaks for all; the others only take part in Ray's reports."""

    def __init__(
        self,
        job: JobWorker,
        objects: ObjectStore,
        world: World,
        report_to_ray: Callable[[Mapping[str, float]], None],
        clock: Callable[[], float] = time.monotonic,
        workers: WorkerHistory | None = None,
    ) -> None:
        self._job = job
        self._objects = objects
        self._world = world
        self._report_to_ray = report_to_ray
        self._workers = workers
        self._clock = clock
        self._checkpoints = checkpoints(objects, job.name)
        self._events = EventLog(objects, job.name)
        self._steps = 0
        self._ask_at = 0.0
        self._cancelled = False
        self._measured: tuple[float, Report] | None = None
        self._progress = Progress("training")
        self._metrics: Mapping[str, float] = {}

    def on_report(self, report: Report) -> None:
        """Reports progress, at most four times a second; rate and remaining time are over the last interval."""
        self._events.add_metrics(report.step, report.total_steps, report.metrics)
        if report.remark:
            self._job.remark(report.remark)
        # They stay until there are others: a classifier has them once an epoch, perhaps in a report that is not sent.
        self._metrics = report.metrics or self._metrics
        now = self._clock()
        if self._measured is None:
            self._measured = (now, report)
            self._send(self._after(report, 0.0, 0.0))
            return
        then, before = self._measured
        seconds = now - then
        if seconds < REPORT_SECONDS and report.step < report.total_steps:
            return
        self._measured = (now, report)
        seconds = max(seconds, 1e-9)
        rates = ((report.images_seen - before.images_seen) / seconds, (report.step - before.step) / seconds)
        self._send(self._after(report, *rates))

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Stores a checkpoint, after the events that led to it, with the number of workers so far."""
        self._events.store(checkpoint.step)
        if self._workers is not None:
            checkpoint = replace(checkpoint, state=self._workers.added_to(checkpoint.state))
        self._checkpoints.save(checkpoint)

    def on_pictures(self, step: int, pictures: list[Picture]) -> None:
        """Stores pictures, adds them to the run's sample grids and events, and shows them as previews of the job."""
        self._events.store(step, pictures)
        tenant = names.tenant_of(self._job.name)
        images = [store_pixels(self._objects, tenant, picture.pixels) for picture in pictures]
        grids = [
            SampleGrid(step=step, label=picture.label, image=image)
            for picture, image in zip(pictures, images, strict=True)
        ]
        record = json_format.MessageToJson(ModelVersion(sample_grids=grids))
        self._objects.put(f"{_grids(self._job.name)}/step-{step:09d}.json", record.encode())
        self._job.report(self._progress, previews=[image.name for image in images])

    def should_stop(self) -> bool:
        """Whether the job was cancelled; rank 0 knows, and asks at most four times a second."""
        self._steps += 1
        if self._steps % RAY_REPORT_STEPS == 0:
            self._report_to_ray(self._progress.metrics)
        now = self._clock()
        if self._world.is_first and now >= self._ask_at:
            self._ask_at = now + REPORT_SECONDS
            self._cancelled = self._job.cancelled()
        return self._cancelled

    def _after(self, report: Report, images_per_second: float, steps_per_second: float) -> Progress:
        left = report.total_steps - report.step
        return Progress(
            phase="training",
            step=report.step,
            total_steps=report.total_steps,
            images_per_second=images_per_second,
            remaining_seconds=left / steps_per_second if steps_per_second else None,
            metrics=dict(self._metrics),
        )

    def _send(self, progress: Progress) -> None:
        self._progress = progress
        self._job.report(progress)


def checkpoints(
    objects: ObjectStore, job_name: str, on_damage: Callable[[str], None] = lambda _: None
) -> CheckpointStore:
    """The checkpoints of a job; `on_damage` is told of each damaged one."""
    return CheckpointStore(objects, checkpoints_prefix(job_name), on_damage=on_damage)


def sample_grids(objects: ObjectStore, job_name: str) -> list[SampleGrid]:
    """The sample grids of a job, of all its attempts, by step."""
    records: Iterable[bytes] = (objects.get(info.key) for info in objects.list(f"{_grids(job_name)}/"))
    return [grid for record in records for grid in json_format.Parse(record, ModelVersion()).sample_grids]


def _grids(job_name: str) -> str:
    return f"{job_name}/sampleGrids"
