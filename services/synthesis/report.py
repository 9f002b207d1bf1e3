"""The whole report on a set, for whoever asks for one: all measures of docs/measurement.md, in features of a choice."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.struct_pb2 import Struct

from services.synthesis.verdict import shown
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.classifier.embedding import ClassifierFeatures
from synthoscope.classifier.prediction import load_classifier
from synthoscope.datasets.cache import PixelCache
from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0
from synthoscope.metrics.feature_extractor import FeatureExtractor
from synthoscope.metrics.inception import inception_v3
from synthoscope.metrics.labelled_images import LabelledImages
from synthoscope.metrics.measuring import measure
from synthoscope.objects import ObjectStore
from synthoscope.synthetic.drawing import MOST_REAL, draw
from synthoscope.synthetic.extractors import EFFICIENTNET, INCEPTION

_LEAST_GENERATED, _LEAST_REAL = 10, 12


def report(objects: ObjectStore, cache: PixelCache, record: SyntheticSet, images: Sequence[SyntheticImage]) -> Struct:
    """What `synthoscope.metrics.measuring.measure` finds of a set's images beside about 2,000 training images.

    Empty when the generator's training images are gone or fewer than 12, and for fewer than 10 images. Raises
    FailedPrecondition or DataLoss when the features that `options.measure_with` names cannot be had.
    """
    found, compared = Struct(), shown(objects, cache, record, images)
    if compared is None or len(compared[0]) < _LEAST_GENERATED or len(compared[1]) < _LEAST_REAL:
        return found
    generated, training = compared
    if set(generated.labels) == {""}:
        training = LabelledImages(training.images, [""] * len(training))
    rows = draw(training.rows, MOST_REAL, np.random.default_rng(record.seed))
    real = LabelledImages(training.images[rows], [training.labels[row] for row in rows])
    extractor = extractor_of(objects, record.options.measure_with)
    seed = record.seed % 2**32  # it is in the report, whose numbers are exact up to 2^53 only
    found.update(finite(measure(generated, real, None, extractor, seed).as_json()))
    return found


def extractor_of(objects: ObjectStore, name: str) -> FeatureExtractor:
    """The extractor of a name that the request may have: one of two networks, or a classifier's version."""
    if name == EFFICIENTNET:
        return EfficientNetLite0()
    if name == INCEPTION:
        return inception_v3()
    return ClassifierFeatures(load_classifier(objects, name))


def finite(value: Any) -> Any:
    """JSON values with None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
