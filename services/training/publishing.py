"""Makes a model version of trained weights: calibrated, measured, exported, described, then published whole."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

import synthoscope
from services.training import measuring
from services.training.measuring import HeldOut
from services.training.reading import Task, read_data
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import Curve, Lineage, ModelKind, ModelVersion
from synthoscope.classifier.data import LabelledPixels, TrainingData
from synthoscope.classifier.exporting import export_classifier
from synthoscope.classifier.objectives import Objective, objective_of
from synthoscope.classifier.parsing import output_message
from synthoscope.classifier.prediction import Classifier
from synthoscope.classifier.reliability.fitting import fit_reliability
from synthoscope.classifier.state import best_weights, curves_of, trained_network
from synthoscope.datasets import manifest
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.grouping import grouping_of
from synthoscope.models.card import card_files
from synthoscope.models.predictions import path_of
from synthoscope.models.versions import BANK, ONNX
from synthoscope.models.weights import WEIGHTS, dump_weights
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.saliency.scales import explanation_scales
from synthoscope.synthetic import admission
from synthoscope.training.callbacks import Checkpoint

_EXAMPLES = 16
"""Images that the exported model is checked on."""


def publish(
    objects: ObjectStore,
    task: Task,
    final: Checkpoint,
    cache: PixelCache,
    report: Callable[[str], None] = lambda _: None,
) -> ModelVersion:
    """Publishes the best weights of a training's last checkpoint; `report` is told of each phase.

    Raises what reading the dataset raises, and DataLoss when the exported model is not what was trained.
    """
    # Without the synthetic images: which real ones are held out does not depend on them.
    data, labels = read_data(objects, replace(task, synthetic_sets=(), synthetic_only=False), cache)
    objective = objective_of(task.config, labels, data.training.counts(len(labels)))
    version = Records(objects, DatasetVersion).get(task.dataset_version)
    validation = _held_out(objects, task, version, data)
    record = _record(objects, task, final, objective, data, version)
    network = trained_network(task.config, len(objective.outputs), final)
    report("calibrating")
    classifier = fit_reliability(
        Classifier(record, network, torch.device("cpu")), objective, data, validation.groups, task.config
    )
    shown = _shown(objective, validation)
    record.reliability.explanation_scales.update(explanation_scales(classifier, validation.pixels.images, shown))
    measured = measuring.measure(
        objects, classifier, objective, version, validation, cache, task.config.robustness_images, report
    )
    record.evaluations.extend(measured.evaluations)
    record.evaluations[-1].grouped_by[:] = grouping_of(objects, task.job, version).by
    record.robustness.extend(measured.robustness)
    report("publishing")
    normalization, examples = data.pipeline.normalization, _examples(validation.pixels)
    exported = export_classifier(network, normalization, task.config.evaluation_crop, examples)
    record.reliability.export_difference = exported.difference
    files = {
        **card_files(record),
        WEIGHTS: dump_weights(best_weights(final)),
        BANK: _dumped(classifier),
        ONNX: exported.data,
        **{path_of(said.split): said.to_json() for said in measured.predictions},
    }
    return models.publish(objects, task.model, record, files)


def _held_out(objects: ObjectStore, task: Task, version: DatasetVersion, data: TrainingData) -> HeldOut:
    """The validation images with their places in the dataset and their groups."""
    training = [image for image in manifest.read(objects, version) if image.split == Split.SPLIT_TRAIN]
    groups = grouping_of(objects, task.job, version).numbers
    return HeldOut(data.validation, [training[int(row)] for row in data.held_out], groups[data.held_out])


def _record(
    objects: ObjectStore,
    task: Task,
    final: Checkpoint,
    objective: Objective,
    data: TrainingData,
    version: DatasetVersion,
) -> ModelVersion:
    """What is known of a version before anything is measured."""
    record = ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=objective.outputs,
        preset=task.config.preset,
        image_size=task.config.image_size,
        output=output_message(task.config.output),
        preprocessing=data.pipeline.to_message(),
        curves=[
            Curve(metric=metric, steps=range(1, len(values) + 1), values=values)
            for metric, values in curves_of(final).items()
        ],
        lineage=Lineage(
            dataset_version=task.dataset_version,
            synthetic_sets=task.synthetic_sets,
            synthetic_uses=admission.uses(objects, version, task.synthetic_sets),
            job=task.job,
            code_version=synthoscope.__version__,
            seed=task.config.seed,
            accepted_unadmitted=task.accept_unadmitted,
            synthetic_only=task.synthetic_only,
            parents=[task.config.weights] if "/versions/" in task.config.weights else [],
        ),
    )
    record.config.update(task.config.to_json() | {"threads": task.threads})
    return record


def _examples(validation: LabelledPixels) -> NDArray[np.uint8]:
    """The first image of each class, then the second of each, and so on; uint8 N×S×S×3."""
    labels = validation.labels
    before = np.array([np.count_nonzero(labels[:row] == label) for row, label in enumerate(labels)])
    return validation.images[np.lexsort((labels, before))[:_EXAMPLES]]


def _dumped(classifier: Classifier) -> bytes:
    tensors = {} if classifier.detector is None else classifier.detector.to_tensors()
    return dump_weights({name: torch.from_numpy(array) for name, array in tensors.items()})


def _shown(objective: Objective, validation: HeldOut) -> Sequence[NDArray[np.int64]]:
    """The rows of the validation images that show each output."""
    shown = objective.shown(validation.pixels.labels)
    return [np.flatnonzero(shown[:, output]) for output in range(shown.shape[1])]
