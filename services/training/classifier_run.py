"""A classifier training job: trains on Ray Train, then publishes a model version."""

from functools import partial

import torch
from google.protobuf.json_format import MessageToDict

from services.training.publishing import publish
from services.training.reading import Task, read_data, read_task
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.classifier import loop
from synthoscope.classifier.objectives import objective_of
from synthoscope.classifier.pretrained.starting import initialiser
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks
from synthoscope.training.parallel import World
from synthoscope.training.processors import compute_with
from synthoscope_ray import trainer
from synthoscope_ray.auditing import ensure_grouping
from synthoscope_ray.program import Stores, open_stores


def main(worker: JobWorker, stores: Stores) -> str:
    """Trains and publishes; returns the model version's name. Raises what the loop raises, and Cancelled.

    Before that a dataset version that was not audited is: no copy of what it trains on may be held out. And weights to
    start from are downloaded if they have to be, once for all workers.
    """
    task = read_task(worker, stores.settings.ray.worker_threads)
    ensure_grouping(worker, stores, Records(stores.objects, DatasetVersion).get(task.dataset_version))
    initialiser(stores.objects, task.config, stores.settings.weights_url)
    if remark := learned_before(stores.objects, task):
        worker.remark(remark)
    final = trainer.run(worker, stores, partial(work, task), task.config.workers)
    compute_with(task.threads)
    if worker.cancelled():
        raise Cancelled("cancelled before its result was published")
    report = partial(_report, worker, final.step)
    return publish(stores.objects, task, final, stores.settings.cache, report).name


def learned_before(objects: ObjectStore, task: Task) -> str:
    """What the job's owner should know when its first weights have learned images that are held out now; else empty."""
    if "/versions/" not in task.config.weights:
        return ""
    parent = models.get(objects, task.config.weights)
    before, now = parent.lineage.dataset_version, task.dataset_version
    if before.partition("/versions/")[0] != now.partition("/versions/")[0]:
        return ""
    fraction = MessageToDict(parent.config).get("validation_fraction")
    if (before, parent.lineage.seed, fraction) == (now, task.config.seed, task.config.validation_fraction):
        return ""
    return (
        f"{parent.name} learned images that are held out now, so validation flatters, and with it calibration; to hold "
        f"the same out, train on {before} with seed={parent.lineage.seed} and validation_fraction={fraction}"
    )


def work(task: Task, world: World, callbacks: LoopCallbacks, resume: Checkpoint | None) -> None:
    """What every Ray Train worker does."""
    stores = open_stores()
    data, classes = read_data(stores.objects, task, stores.settings.cache)
    objective = objective_of(task.config, classes, data.training.counts(len(classes)))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    surroundings = loop.Surroundings(world, callbacks, device, stores.settings.cache)
    initialise = initialiser(stores.objects, task.config, stores.settings.weights_url)
    loop.train(task.config, data, objective, surroundings, resume, initialise)


def _report(worker: JobWorker, steps: int, phase: str) -> None:
    worker.report(Progress(phase=phase, step=steps, total_steps=steps))
