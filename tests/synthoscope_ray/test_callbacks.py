from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import pytest
import torch

from synthoscope.jobs.event_files import event_files
from synthoscope.jobs.job import Job, JobKind, JobState
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import InMemoryObjectStore
from synthoscope.training.callbacks import Checkpoint, Picture, Report
from synthoscope.training.parallel import World
from synthoscope_ray.callbacks import RAY_REPORT_STEPS, REPORT_SECONDS, JobCallbacks, checkpoints, sample_grids

JOB = "tenants/t/jobs/j"


class Stack:
    """Callbacks over the in-memory stores, and a clock that is set by hand."""

    def __init__(self, rank=0, size=1):
        self.now = 0.0
        self.objects = InMemoryObjectStore()
        self.jobs = InMemoryJobStore()
        self.jobs.create(Job(JOB, JobKind.GAN_TRAINING, JobState.RUNNING, datetime.now(UTC), attempt=1))
        self.ray = []
        job = JobWorker(self.jobs, self.objects, JOB, 1, report_seconds=0)
        self.callbacks = JobCallbacks(job, self.objects, World(rank, size), self.ray.append, lambda: self.now)

    def report(self, at, step, total=1000, losses=MappingProxyType({"generator_loss": 0.5})):
        self.now = at
        self.callbacks.on_report(Report(step, total, step * 32, losses))
        return self.jobs.get(JOB).progress


def test_progress_has_rate_and_remaining_time_of_the_last_interval():
    stack = Stack()
    first = stack.report(10.0, 1)
    assert (first.phase, first.step, first.total_steps) == ("training", 1, 1000)
    assert (first.images_per_second, first.remaining_seconds) == (0.0, None)
    second = stack.report(12.0, 5)
    assert second.images_per_second == pytest.approx(64)
    assert second.remaining_seconds == pytest.approx(995 / 2)
    assert second.metrics == {"generator_loss": 0.5}


def test_at_most_four_reports_a_second_but_always_the_last():
    stack = Stack()
    steps = [stack.report(step / 100, step, total=100).step for step in range(1, 101)]
    assert len(set(steps)) <= 6
    assert steps[-1] == 100


def test_metrics_stay_until_there_are_others():
    stack = Stack()
    stack.report(0.0, 1)
    assert stack.report(1.0, 2, losses={}).metrics == {"generator_loss": 0.5}
    assert stack.report(1.1, 3, losses={"loss": 0.25}).step == 2  # too soon to be sent
    assert stack.report(2.0, 4, losses={}).metrics == {"loss": 0.25}


def test_the_last_few_remarks_are_the_jobs_reason():
    stack = Stack()
    for step in range(1, 6):
        stack.callbacks.on_report(Report(step, 10, 32, {}, f"remark {step}"))
        stack.report(step, step)
    assert stack.jobs.get(JOB).state_reason == "remark 2; remark 3; remark 4; remark 5"


def test_a_resumed_run_does_not_count_what_was_done_before():
    stack = Stack()
    stack.report(0.0, 900)
    assert stack.report(1.0, 901).images_per_second == pytest.approx(32)


def test_checkpoints_are_stored():
    stack = Stack()
    stack.callbacks.on_checkpoint(Checkpoint(3, {"w": torch.ones(2)}, {"a": 1}))
    stored = checkpoints(stack.objects, JOB).load_latest()
    assert (stored.step, stored.state, stored.tensors["w"].tolist()) == (3, {"a": 1}, [1, 1])


def test_only_the_last_two_checkpoints_are_kept():
    stack = Stack()
    for step in (5, 10, 15, 20):
        stack.callbacks.on_checkpoint(Checkpoint(step, {"0.best.w": torch.ones(2)}, {}))
    assert checkpoints(stack.objects, JOB).steps() == [15, 20]
    folders = {info.key.rpartition("/")[0] for info in stack.objects.list(JOB)}
    assert len(folders) == 2, "nothing is left of the others"


def test_pictures_become_previews_and_sample_grids_once():
    stack = Stack()
    pictures = [Picture(np.full((4, 4, 3), shade, np.uint8), label) for shade, label in [(0, "a"), (255, "b")]]
    stack.callbacks.on_pictures(100, pictures)
    stack.callbacks.on_pictures(20, pictures[:1])
    stack.callbacks.on_pictures(100, pictures)
    grids = sample_grids(stack.objects, JOB)
    assert [(grid.step, grid.label) for grid in grids] == [(20, "a"), (100, "a"), (100, "b")]
    assert next(event.previews for event in stack.jobs.events(JOB) if event.previews) == tuple(
        grid.image.name for grid in grids[1:]
    )


def test_events_are_stored_before_the_checkpoint_that_follows_them():
    stack = Stack()
    stack.report(0.0, 1)
    assert not list(event_files(stack.objects, JOB))
    stack.callbacks.on_checkpoint(Checkpoint(1, {"w": torch.ones(2)}, {}))
    assert [file.name for file in event_files(stack.objects, JOB)] == ["events.out.tfevents.0000000001"]


def test_rank_0_notices_a_cancelled_job():
    stack, other = Stack(), Stack(rank=1, size=2)
    for one in (stack, other):
        assert not one.callbacks.should_stop()
        one.jobs.update(JOB, lambda job: job.to(JobState.CANCELLING, now=datetime.now(UTC)))
        one.now += REPORT_SECONDS
    assert stack.callbacks.should_stop()
    assert not other.callbacks.should_stop()


@pytest.mark.parametrize("rank", [0, 1])
def test_every_rank_reports_to_ray_at_the_same_steps(rank):
    stack = Stack(rank, 2)
    for _ in range(2 * RAY_REPORT_STEPS + 1):
        stack.callbacks.should_stop()
    assert len(stack.ray) == 2
