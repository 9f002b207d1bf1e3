"""The checks of a generation's options when it is submitted: what is wrong costs a message only. Needs no torch."""

from collections.abc import Collection

from synthoscope import models, names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationFilters, GenerationOptions
from synthoscope.gan.sampling_options import Checkpoint, SamplingOptions, check_weights
from synthoscope.models.preprocessing import pipeline_of
from synthoscope.models.versions import tensor_names
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound
from synthoscope.synthetic.extractors import EFFICIENTNET, INCEPTION
from synthoscope.synthetic.preprocessing import pipeline_of_generator

SMALLEST, LARGEST = 28, 1024
"""Side of stored images, pixels."""

LEAST_LAST, LEAST_SHARE = 0.01, 0.05
"""Smaller shares would cost more than a hundred, or twenty, candidates an image."""

_FILTERS = "options.filters"


def check_options(
    objects: ObjectStore, options: GenerationOptions, record: ModelVersion, labels: Collection[str]
) -> dict[str, str]:
    """What to resolve of the request, by field: the classifiers' very versions.

    Raises InvalidInput, naming the field, for what is out of range or does not fit the GAN; NotFound for an unknown
    classifier; FailedPrecondition when a model is not of the kind, or has not the weights, that the options need, or
    when the GAN's training images are gone.
    """
    sampling = SamplingOptions.from_message(options, record.preset)
    _share(options.keep_last, LEAST_LAST, "options.keep_last")
    if options.output_size and not SMALLEST <= options.output_size <= LARGEST:
        raise InvalidInput("options.output_size", f"must be in [{SMALLEST}, {LARGEST}] pixels; 0 means as generated")
    filters = options.filters
    _share(filters.discriminator_share, LEAST_SHARE, f"{_FILTERS}.discriminator_share")
    if filters.discriminator_share and record.preset == "ddgan":
        raise InvalidInput(
            f"{_FILTERS}.discriminator_share", "is no option of preset ddgan, whose discriminator judges steps"
        )
    resolved = _check_classifier(objects, filters, record, labels)
    judged = bool(filters.discriminator_share)
    if judged or sampling.checkpoint is not Checkpoint.DEFAULT:
        check_weights(record, tensor_names(objects, record), sampling.checkpoint, judged)
    _check_training_images(objects, record)
    return resolved | _check_report(objects, options.measure_with)


def _share(value: float, least: float, field: str) -> None:
    if value != 0 and not least <= value <= 1:  # also true for NaN
        raise InvalidInput(field, f"must be in [{least}, 1]; 0 means all")


def _check_classifier(
    objects: ObjectStore, filters: GenerationFilters, gan: ModelVersion, labels: Collection[str]
) -> dict[str, str]:
    field = f"{_FILTERS}.classifier"
    probability = filters.classifier_probability
    if probability != 0 and not 0 < probability < 1:
        raise InvalidInput(f"{field}_probability", "must be in (0, 1); 0 means 0.5")
    if not filters.classifier:
        if probability:
            raise InvalidInput(f"{field}_probability", "needs filters.classifier: there is nothing to ask")
        return {}
    names.MODEL_VERSION.parse(filters.classifier, field)
    classifier = _classifier(objects, filters.classifier, field)
    unknown = sorted(set(labels) - set(classifier.classes))
    if unknown:
        known = ", ".join(classifier.classes)
        raise InvalidInput(field, f"must know every label asked for; it does not know {unknown[0]!r}, only {known}")
    pipeline_of_generator(gan, pipeline_of(classifier), classifier.name)
    return {field: classifier.name}


def _check_report(objects: ObjectStore, extractor: str) -> dict[str, str]:
    field = "options.measure_with"
    if extractor in ("", EFFICIENTNET, INCEPTION):
        return {}
    if "/" not in extractor:
        raise InvalidInput(field, f"must be {EFFICIENTNET}, {INCEPTION} or the name of a classifier's version")
    names.MODEL_VERSION.parse(extractor, field)
    return {field: _classifier(objects, extractor, field).name}


def _classifier(objects: ObjectStore, name: str, field: str) -> ModelVersion:
    found = models.get(objects, name)
    if found.kind != ModelKind.MODEL_KIND_CLASSIFIER:
        raise FailedPrecondition(f"{field}: {found.name} is not a classifier")
    return found


def _check_training_images(objects: ObjectStore, record: ModelVersion) -> None:
    version = record.lineage.dataset_version
    if not version:
        raise FailedPrecondition(f"{record.name} does not say on which images it was trained: no copies could be told")
    try:
        Records(objects, DatasetVersion).get(version)
    except NotFound:
        raise FailedPrecondition(
            f"{version}, on which {record.name} was trained, is gone: copies of its images could not be told"
        ) from None
