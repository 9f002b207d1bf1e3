"""A trial in a process of Ray Tune's: opens the stores, loads the images, trains, reports."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import structlog
from ray import tune
from torch import nn

from services.tuning import space, trials
from services.tuning.search import IMAGES, OBJECTIVE, SECONDS, TrialFailed
from services.tuning.space import TrainingConfig
from services.tuning.trials import Measurement, TrialData
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.tuning.v1.tuning_pb2 import StudySpecification
from synthoscope.classifier.config import ClassifierConfig
from synthoscope.classifier.pretrained.starting import initialiser
from synthoscope.datasets.grouping import grouping_of
from synthoscope.datasets.loading import load_split
from synthoscope.jobs.worker import JobWorker
from synthoscope.records import Records
from synthoscope.rpc.errors import SynthoscopeError
from synthoscope.training.processors import compute_with
from synthoscope_ray.program import Stores, open_stores

log = structlog.get_logger()


@dataclass(frozen=True)
class Task:
    """What every trial of a study needs to know; the specification is serialized."""

    job: str
    attempt: int
    dataset_version: str
    specification: bytes
    threads: int


def run_trial(config: dict[str, Any], task: Task) -> None:
    """Trains one configuration. Raises TrialFailed, whose message the study's owner sees."""
    compute_with(task.threads)
    try:
        _train(config["trial"]["parameters"], task)
    except SynthoscopeError as error:
        raise TrialFailed(error.message) from error
    except Exception as error:  # the boundary of this process: other errors may hold patient data
        error_id = secrets.token_hex(8)
        log.error("trial.failed", job=task.job, trial=config["trial"]["id"], error_id=error_id, exc_info=error)
        raise TrialFailed(f"unexpected error; the trial's log has it under {error_id}") from None


def _train(parameters: dict[str, float], task: Task) -> None:
    stores = open_stores()
    job = JobWorker(stores.jobs, stores.objects, task.job, task.attempt)
    specification = StudySpecification.FromString(task.specification)
    training = space.with_parameters(space.base_config(specification), parameters)
    data = _data(task, training.image_size)
    job.running()
    trials.run(training, data, _report, job.cancelled, _initialise(stores, training))


def _initialise(stores: Stores, training: TrainingConfig) -> Callable[[nn.Module], None]:
    if isinstance(training, ClassifierConfig):
        return initialiser(stores.objects, training, stores.settings.weights_url)
    return lambda _: None


def _report(measurement: Measurement) -> None:
    tune.report({OBJECTIVE: measurement.objective, SECONDS: measurement.seconds, IMAGES: measurement.images_seen})


# Trials run in the same process one after the other.
@lru_cache(maxsize=1)
def _data(task: Task, image_size: int) -> TrialData:
    specification, stores = StudySpecification.FromString(task.specification), open_stores()
    split = load_split(stores.objects, task.dataset_version, Split.SPLIT_TRAIN, image_size, stores.settings.cache)
    version = Records(stores.objects, DatasetVersion).get(task.dataset_version)
    classifies = specification.HasField("classifier")
    groups = grouping_of(stores.objects, task.job, version).numbers if classifies else np.arange(len(split.labels))
    whole = TrialData(split.images, split.labels, split.classes, groups, split.pipeline)
    return whole.sample(specification.max_images, specification.seed)
