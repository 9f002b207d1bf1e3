"""A job that measures a classifier version on images that it was not measured on when it was published."""

import contextlib

import numpy as np

import synthoscope
from services.training.measuring import HeldOut, evaluated
from services.training.model_evaluations import FILE, evaluation_name, split_of
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import ModelEvaluation
from synthoscope.api.models.v1.models_service_pb2 import SubmitModelEvaluationRequest
from synthoscope.classifier.data import LabelledPixels
from synthoscope.classifier.objectives import OneOf
from synthoscope.classifier.prediction import Classifier, load_classifier
from synthoscope.datasets import manifest
from synthoscope.datasets.audit.inheritance import find_clusters
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.grouping import group
from synthoscope.datasets.loading import load_split
from synthoscope.jobs.job import Progress
from synthoscope.jobs.worker import JobWorker
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import Cancelled, NotFound
from synthoscope.synthetic import sets
from synthoscope.training.processors import compute_with
from synthoscope_ray.program import Stores


def run(worker: JobWorker, stores: Stores) -> str:
    """Does the job and returns the evaluation's name. Raises NotFound, FailedPrecondition, DataLoss, Cancelled."""
    request = worker.specification(SubmitModelEvaluationRequest)
    compute_with(stores.settings.ray.worker_threads)
    records = Records(stores.objects, ModelEvaluation, FILE)
    with contextlib.suppress(NotFound):  # measured before: neither the version nor the images have changed
        return records.get(evaluation_name(request)).name
    classifier = load_classifier(stores.objects, request.model_version)
    worker.report(Progress(phase="reading images"))
    images = read(stores.objects, request, classifier, stores.settings.cache)
    worker.report(Progress(phase="measuring", total_steps=len(images.pixels)))
    record = measured(stores.objects, request, classifier, images)
    record.job = worker.name
    if worker.cancelled():
        raise Cancelled("cancelled before its result was stored")
    records.create(record.name, record)
    return record.name


def read(
    objects: ObjectStore, request: SubmitModelEvaluationRequest, classifier: Classifier, cache: PixelCache
) -> HeldOut:
    """The images that are asked for, as the classifier's own pipeline makes them, with its numbers for their classes,
    which submitting has checked: neither versions nor sets change.
    """
    version = Records(objects, DatasetVersion).get(request.dataset_version)
    pipeline = classifier.pipeline
    split = load_split(objects, version.name, split_of(request), classifier.image_size, cache, pipeline)
    images = [image for image in manifest.read(objects, version) if image.split == split_of(request)]
    labels = [split.classes[index] for index in split.labels]
    groups = group(images, find_clusters(objects, version) or []).numbers
    pixels = [split.images]
    for name in request.synthetic_sets:
        made = sets.load(objects, name, pipeline)
        pixels.append(made.images)
        labels += made.labels
        images += [DatasetImage(label=label, origin=name) for label in made.labels]
        groups = np.concatenate([groups, np.full(len(made.labels), -1)])
    numbers = np.array([classifier.classes.index(label) for label in labels], np.int64)
    return HeldOut(LabelledPixels(np.concatenate(pixels) if len(pixels) > 1 else pixels[0], numbers), images, groups)


def measured(
    objects: ObjectStore, request: SubmitModelEvaluationRequest, classifier: Classifier, images: HeldOut
) -> ModelEvaluation:
    """The record of an evaluation, but for its job."""
    answers = classifier.answer(images.pixels.images)
    found = evaluated(OneOf(classifier.classes), classifier, images, answers, manifest.SPLIT_NAMES[split_of(request)])
    record = ModelEvaluation(
        name=evaluation_name(request),
        dataset_version=request.dataset_version,
        split=split_of(request),
        synthetic_sets=request.synthetic_sets,
        known=_known(objects, classifier, images),
        evaluation=found,
        code_version=synthoscope.__version__,
    )
    record.create_time.GetCurrentTime()
    return record


def _known(objects: ObjectStore, classifier: Classifier, images: HeldOut) -> int:
    version = Records(objects, DatasetVersion).get(classifier.record.lineage.dataset_version)
    learned = {image.image.sha256 for image in manifest.read(objects, version) if image.split == Split.SPLIT_TRAIN}
    return sum(image.image.sha256 in learned for image in images.images)
