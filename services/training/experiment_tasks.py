"""What Ray does of an experiment: single trainings, and their tests once all have ended."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from services.training.reading import read_synthetic
from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.api.experiments.v1.experiments_pb2 import ExperimentSpecification
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.loop import CPU, Surroundings
from synthoscope.classifier.parsing import from_message
from synthoscope.classifier.pretrained.starting import initialiser
from synthoscope.datasets.loading import LabelledImages, load_split
from synthoscope.experiment import training
from synthoscope.experiment.arms import Material, compose
from synthoscope.experiment.plan import Trial
from synthoscope.jobs.worker import JobWorker
from synthoscope.models.weights import dump_weights
from synthoscope.rpc.errors import FailedPrecondition, NotFound
from synthoscope.training.callbacks import NoCallbacks
from synthoscope.training.parallel import World
from synthoscope.training.processors import compute_with
from synthoscope_ray.program import Stores, open_stores


@dataclass(frozen=True)
class Work:
    """What every task of an experiment needs to know; the specification is serialized."""

    job: str
    attempt: int
    specification: bytes
    threads: int


@dataclass(frozen=True)
class Outcome:
    """A training that ended: where its weights lie, macro F1 on validation by epoch, images, seconds, whether it was
    taken from an earlier run.
    """

    key: str
    validation_macro_f1: tuple[float, ...]
    real_images: int
    synthetic_images: int
    seconds: float
    cached: bool


@dataclass(frozen=True)
class Tested:
    """A run's class probabilities, float32 N×C, of the test images; its accuracy on synthetic ones, if asked for."""

    probabilities: NDArray[np.float32]
    accuracy_on_synthetic: float | None


def train(work: Work, trial: Trial) -> Outcome:
    """Trains once, unless the same was trained on the same images before. Raises what reading and training raise."""
    compute_with(work.threads)
    stores, started = open_stores(), time.monotonic()
    job = JobWorker(stores.jobs, stores.objects, work.job, work.attempt)
    job.running()
    specification = ExperimentSpecification.FromString(work.specification)
    base = base_config(specification, trial.preset)
    config = training.config_of(base, trial.arm, trial.seed, _batches(work, trial, base))
    data, real, classes = _data(work, trial, base)
    tenant, digest = names.tenant_of(work.job), training.digest_of(config, data, work.threads)
    key = f"{names.TENANT.format(tenant=tenant)}/experimentTrials/{digest}"
    found = _stored(stores, key)
    if found is None:
        initialise = initialiser(stores.objects, config, stores.settings.weights_url)
        surroundings = Surroundings(World(), _Callbacks(job), CPU, stores.settings.cache)
        trained = training.train(config, data, classes, surroundings, initialise)
        stores.objects.put(f"{key}/weights.safetensors", _dumped(trained))
    curve = found if found is not None else trained.validation_macro_f1
    seconds = time.monotonic() - started
    return Outcome(key, curve, real, len(data.training) - real, seconds, found is not None)


def test(work: Work, trial: Trial, key: str, *, on_synthetic: bool) -> Tested:
    """Predicts the test images, and the fraction's synthetic ones if asked to, by a training's weights."""
    compute_with(work.threads)
    stores = open_stores()
    specification = ExperimentSpecification.FromString(work.specification)
    base = base_config(specification, trial.preset)
    split = load_split(
        stores.objects, specification.dataset_version, Split.SPLIT_TEST, base.image_size, stores.settings.cache
    )
    weights = safetensors.torch.load(stores.objects.get(f"{key}/weights.safetensors"))
    weights.pop(_CURVE)
    predict = partial(training.predict, base, weights, len(split.classes))
    accuracy = None
    material = _material(work, trial.fraction, base) if on_synthetic else None
    if material is not None and material.material.synthetic is not None:
        pool = material.material.synthetic
        accuracy = float((predict(pool.images, split.pipeline).argmax(axis=1) == pool.labels).mean())
    return Tested(predict(split.images, split.pipeline), accuracy)


def base_config(specification: ExperimentSpecification, preset: str) -> ClassifierConfig:
    """How one of the networks is trained. Raises InvalidInput, naming the field."""
    message = type(specification.training)()
    message.CopyFrom(specification.training)
    message.preset = preset
    return from_message(message, "specification.training")


_CURVE = "validation_macro_f1"


def _dumped(trained: training.Trained) -> bytes:
    """Weights and curve in one object, so that neither is ever without the other."""
    return dump_weights({**trained.weights, _CURVE: torch.tensor(trained.validation_macro_f1, dtype=torch.float64)})


def _stored(stores: Stores, key: str) -> tuple[float, ...] | None:
    """The curve of an earlier run of the same; None when there is none."""
    try:
        tensors = safetensors.torch.load(stores.objects.get(f"{key}/weights.safetensors"))
    except NotFound:
        return None
    return tuple(tensors[_CURVE].tolist())


@dataclass(frozen=True)
class _Callbacks(NoCallbacks):
    job: JobWorker

    def should_stop(self) -> bool:
        return False


@dataclass(frozen=True)
class _Fraction:
    material: Material
    validation: LabelledPixels
    split: LabelledImages


def _data(work: Work, trial: Trial, base: ClassifierConfig) -> tuple[TrainingData, int, Sequence[str]]:
    """A trial's images, how many of them are real, and the names of the classes."""
    fraction = _material(work, trial.fraction, base)
    composed = compose(trial.arm, trial.ratio, fraction.material, trial.seed)
    data = TrainingData(composed.images, fraction.validation, fraction.split.pipeline)
    return data, composed.real, fraction.split.classes


def _batches(work: Work, trial: Trial, base: ClassifierConfig) -> int:
    """Optimiser steps of an epoch in every arm: a pass over the fraction's real images."""
    return max(1, len(_material(work, trial.fraction, base).material.real) // base.batch_size)


def _material(work: Work, fraction: int, base: ClassifierConfig) -> _Fraction:
    return _read(work, fraction, base.image_size)


# Tasks run in the same process one after the other, and mostly on the same fraction.
@lru_cache(maxsize=2)
def _read(work: Work, index: int, image_size: int) -> _Fraction:
    stores = open_stores()
    specification = ExperimentSpecification.FromString(work.specification)
    fraction = specification.fractions[index]
    load: Any = partial(load_split, stores.objects, image_size=image_size, cache=stores.settings.cache)
    real = load(fraction.dataset_version, Split.SPLIT_TRAIN)
    held_out = load(fraction.dataset_version, Split.SPLIT_TEST)
    further = load(fraction.further_version, Split.SPLIT_TRAIN) if fraction.further_version else None
    if further is not None and further.classes != real.classes:
        raise FailedPrecondition(f"{fraction.further_version} has other classes than {fraction.dataset_version}")
    sets: Mapping[str, LabelledPixels | None] = {
        name: read_synthetic(stores.objects, listed, real.pipeline, real.classes)
        for name, listed in (("synthetic", fraction.synthetic_sets), ("filtered", fraction.filtered_sets))
    }
    material = Material(_pixels(real), None if further is None else _pixels(further), **sets)
    return _Fraction(material, _pixels(held_out), real)


def _pixels(split: LabelledImages) -> LabelledPixels:
    return LabelledPixels(split.images, split.labels)
