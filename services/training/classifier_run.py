"""A classifier training job: trains on Ray Train, measures once, publishes a model version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

import synthoscope
from services.training import measuring
from synthoscope import models, names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import Curve, Lineage, ModelKind, ModelVersion
from synthoscope.api.training.v1.training_service_pb2 import SubmitClassifierTrainingRequest
from synthoscope.classifier import loop
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData, hold_out
from synthoscope.classifier.objectives import objective_of
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.prediction import Classifier
from synthoscope.classifier.state import best_weights, curves_of, trained_network
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.grouping import grouping_of
from synthoscope.datasets.loading import load_split
from synthoscope.images.preprocessing import Pipeline
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled, FailedPrecondition
from synthoscope.synthetic import admission, sets
from synthoscope.training.callbacks import Checkpoint, LoopCallbacks
from synthoscope.training.parallel import World
from synthoscope_ray import trainer
from synthoscope_ray.auditing import ensure_grouping
from synthoscope_ray.program import Stores, open_stores


@dataclass(frozen=True)
class Task:
    """What a job asks for: names of the dataset version, of synthetic sets and of the model to publish a version of.

    `threads` of each worker are part of it: another number gives other bits.
    """

    job: str
    dataset_version: str
    synthetic_sets: tuple[str, ...]
    model: str
    config: ClassifierConfig
    threads: int
    accept_unadmitted: bool = False


def main(worker: JobWorker, stores: Stores) -> str:
    """Trains and publishes; returns the model version's name. Raises what the loop raises, and Cancelled.

    Before that a dataset version that was not audited is: no copy of what it trains on may be held out.
    """
    task = read_task(worker, stores.settings.ray.worker_threads)
    ensure_grouping(worker, stores, Records(stores.objects, DatasetVersion).get(task.dataset_version))
    final = trainer.run(worker, stores, partial(work, task), task.config.workers)
    torch.set_num_threads(task.threads)
    if worker.cancelled():
        raise Cancelled("cancelled before its result was published")
    report = partial(_report, worker, final.step)
    return publish(stores.objects, task, final, stores.settings.cache, report).name


def read_task(worker: JobWorker, threads: int) -> Task:
    """The job's specification, checked. Raises InvalidInput."""
    request = worker.specification(SubmitClassifierTrainingRequest)
    tenant = names.tenant_of(worker.name)
    return Task(
        job=worker.name,
        dataset_version=request.dataset_version,
        synthetic_sets=tuple(request.synthetic_sets),
        model=names.MODEL.format(tenant=tenant, model=request.model_id),
        config=from_message(request.config),
        threads=threads,
        accept_unadmitted=request.accept_unadmitted,
    )


def work(task: Task, world: World, callbacks: LoopCallbacks, resume: Checkpoint | None) -> None:
    """What every Ray Train worker does."""
    stores = open_stores()
    data, classes = read_data(stores.objects, task, stores.settings.cache)
    objective = objective_of(task.config, classes, data.training.counts(len(classes)))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    surroundings = loop.Surroundings(world, callbacks, device, stores.settings.cache)
    loop.train(task.config, data, objective, surroundings, resume)


def read_data(objects: ObjectStore, task: Task, cache: PixelCache) -> tuple[TrainingData, tuple[str, ...]]:
    """Training and validation images, and the names of the classes.

    Raises NotFound for an unknown dataset or synthetic set, FailedPrecondition when they do not fit together or the
    dataset was not audited, DataLoss.
    """
    config = task.config
    split = load_split(objects, task.dataset_version, Split.SPLIT_TRAIN, config.image_size, cache)
    real = LabelledPixels(split.images, split.labels)
    synthetic = _read_synthetic(objects, task.synthetic_sets, split.pipeline, split.classes)
    grouping = grouping_of(objects, task.job, Records(objects, DatasetVersion).get(task.dataset_version))
    data = hold_out(real, synthetic, grouping.numbers, config.validation_fraction, config.seed)
    return replace(data, pipeline=split.pipeline), split.classes


def publish(
    objects: ObjectStore,
    task: Task,
    final: Checkpoint,
    cache: PixelCache,
    report: Callable[[str], None] = lambda _: None,
) -> ModelVersion:
    """Measures the best weights (`measuring.measure`) and publishes the model version."""
    # Without the synthetic images: which real ones are held out does not depend on them.
    data, classes = read_data(objects, replace(task, synthetic_sets=()), cache)
    record = _record(task, final, classes, data.pipeline)
    version = Records(objects, DatasetVersion).get(task.dataset_version)
    record.lineage.synthetic_uses.extend(admission.uses(objects, version, task.synthetic_sets))
    network = trained_network(task.config, len(classes), final)
    classifier = Classifier(record, network, torch.device("cpu"))
    report("measuring")
    grouped_by = grouping_of(objects, task.job, version).by
    size = task.config.image_size
    found = measuring.measure(objects, classifier, version, data.validation, grouped_by, size, cache)
    record.evaluations.extend(found)
    report("publishing")
    return models.publish(objects, task.model, record, {WEIGHTS: dump_weights(best_weights(final))})


def _record(task: Task, final: Checkpoint, classes: Sequence[str], pipeline: Pipeline) -> ModelVersion:
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=classes,
        preset=task.config.preset,
        image_size=task.config.image_size,
        preprocessing=pipeline.to_message(),
        curves=[
            Curve(metric=metric, steps=range(1, len(values) + 1), values=values)
            for metric, values in curves_of(final).items()
        ],
        lineage=Lineage(
            dataset_version=task.dataset_version,
            synthetic_sets=task.synthetic_sets,
            job=task.job,
            code_version=synthoscope.__version__,
            seed=task.config.seed,
            accepted_unadmitted=task.accept_unadmitted,
        ),
    )
    record.config.update(task.config.to_json() | {"threads": task.threads})
    return record


def _read_synthetic(
    objects: ObjectStore, set_names: Sequence[str], pipeline: Pipeline, classes: Sequence[str]
) -> LabelledPixels | None:
    """The images of all sets together; None when there are no sets."""
    synthetic = None
    for name in set_names:
        found = sets.load(objects, name, pipeline)
        unknown = sorted(set(found.labels) - set(classes))
        if unknown:
            raise FailedPrecondition(f"{name} has images of {unknown[0] or 'no class'}, which the dataset has not")
        labels = np.array([classes.index(label) for label in found.labels], np.int64)
        part = LabelledPixels(found.images, labels)
        synthetic = part if synthetic is None else synthetic.join(part)
    return synthetic


def _report(worker: JobWorker, steps: int, phase: str) -> None:
    worker.report(Progress(phase=phase, step=steps, total_steps=steps))
