"""What the gate is shown: a set beside its generator's training images, as the generator saw them."""

from collections.abc import Sequence

import numpy as np

from services.synthesis.candidates import TRAINING_COPY
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet, Verdict
from synthoscope.datasets import manifest
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.loading import load_images, load_split
from synthoscope.images.preprocessing import Pipeline
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.labelled_images import LabelledImages
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, NotFound
from synthoscope.synthetic.gate import Made, decided, judge
from synthoscope.synthetic.preprocessing import is_synthetic


def verdict(objects: ObjectStore, cache: PixelCache, record: SyntheticSet, images: Sequence[SyntheticImage]) -> Verdict:
    """The verdict on a set that is about to be published, from those of its images that are to be measured.

    Training images are those of the training split, without synthetic ones that were merged into it; a set whose
    generator's are gone is refused. By the record's tallies, copies that the filter refused count, and a class counts
    that was asked for. Raises DataLoss when stored bytes are not what their digest says.
    """
    compared = shown(objects, cache, record, images)
    if compared is None:
        found = decided(Verdict(), {})
    else:
        found = judge(*compared, EfficientNetLite0(), _made(record), record.seed, classes=record.tallies)
    found.dataset_version = models.get(objects, record.model_version).lineage.dataset_version
    return found


def shown(
    objects: ObjectStore, cache: PixelCache, record: SyntheticSet, images: Sequence[SyntheticImage]
) -> tuple[LabelledImages, LabelledImages] | None:
    """The set's images and the real training images of its generator, at its size; None when the latter are gone.

    Raises DataLoss when stored bytes are not what their digest says.
    """
    gan = models.get(objects, record.model_version)
    try:
        training = _training_images(objects, cache, gan.lineage.dataset_version, gan.image_size)
    except (NotFound, FailedPrecondition):
        return None
    pixels = load_images(objects, [image.image for image in images], Pipeline().sized(gan.image_size))
    return LabelledImages(pixels, [image.label for image in images]), training


def _made(record: SyntheticSet) -> Made:
    tallies = record.tallies.values()
    return Made(sum(tally.made for tally in tallies), sum(tally.refused.get(TRAINING_COPY, 0) for tally in tallies))


def _training_images(objects: ObjectStore, cache: PixelCache, dataset_version: str, size: int) -> LabelledImages:
    split = load_split(objects, dataset_version, Split.SPLIT_TRAIN, size, cache)
    version = Records(objects, DatasetVersion).get(dataset_version)
    images = [image for image in manifest.read(objects, version) if image.split == Split.SPLIT_TRAIN]
    real = [not is_synthetic(image.origin) for image in images]
    labels = [split.classes[label] for label in split.labels]
    if all(real):
        return LabelledImages(split.images, labels)
    kept = np.flatnonzero(real)
    return LabelledImages(split.images[kept], [labels[row] for row in kept])
