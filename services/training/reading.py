"""What a classifier training job asks for, and the images that it learns from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.training.v1.training_service_pb2 import SubmitClassifierTrainingRequest
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData, findings_shown, hold_out
from synthoscope.classifier.parsing import from_message
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.grouping import grouping_of
from synthoscope.datasets.loading import load_split
from synthoscope.images.preprocessing import Pipeline
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.synthetic import sets


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
    synthetic_only: bool = False


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
        synthetic_only=request.synthetic_only,
    )


def read_data(objects: ObjectStore, task: Task, cache: PixelCache) -> tuple[TrainingData, tuple[str, ...]]:
    """Training and validation images, and the names of the classes.

    Raises NotFound for an unknown dataset or synthetic set, FailedPrecondition when they do not fit together or the
    dataset was not audited, DataLoss.
    """
    config = task.config
    split = load_split(objects, task.dataset_version, Split.SPLIT_TRAIN, config.image_size, cache)
    real = LabelledPixels(split.images, split.labels)
    synthetic = read_synthetic(objects, task.synthetic_sets, split.pipeline, split.classes)
    grouping = grouping_of(objects, task.job, Records(objects, DatasetVersion).get(task.dataset_version))
    findings = findings_shown(config, split.classes, real.labels)
    data = hold_out(real, synthetic, grouping.numbers, config.validation_fraction, config.seed, findings)
    if task.synthetic_only and synthetic is not None:
        data = replace(data, training=synthetic)
    return replace(data, pipeline=split.pipeline), split.classes


def read_synthetic(
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
