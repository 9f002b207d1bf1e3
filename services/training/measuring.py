"""What a trained classifier is measured on: the validation images, and the test split, as imported and without copies.

The test split is opened here, once. Its images that have a copy in the training split, or another image of the same
patient, can be recognised instead of diagnosed, so the accuracy without them always stands beside the other one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion, Split
from synthoscope.api.models.v1.models_pb2 import Evaluation
from synthoscope.classifier.data import LabelledPixels
from synthoscope.classifier.prediction import Classifier
from synthoscope.datasets import manifest, splits
from synthoscope.datasets.audit.inheritance import find_clusters
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.loading import load_split
from synthoscope.metrics.classification import evaluate
from synthoscope.models.evaluations import DEDUPLICATED, TEST, VALIDATION
from synthoscope.objects import ObjectStore


def has_test_split(version: DatasetVersion) -> bool:
    """Whether a dataset version has test images."""
    return any(count.split == Split.SPLIT_TEST and count.count > 0 for count in version.counts)


def measure(
    objects: ObjectStore,
    classifier: Classifier,
    version: DatasetVersion,
    validation: LabelledPixels,
    grouped_by: Sequence[str],
    image_size: int,
    cache: PixelCache,
) -> list[Evaluation]:
    """The evaluations on "test", "test-deduplicated" and "validation", which was held out by groups of `grouped_by`.

    Those on test images are absent without a test split; "test-deduplicated" also when no audit tells of copies. It has
    no scores when every test image is left out.
    """
    found = []
    if has_test_split(version):
        test = load_split(objects, version.name, Split.SPLIT_TEST, image_size, cache)
        predictions = _predict(classifier, test.images)
        found.append(evaluate(test.labels, predictions, classifier.classes, TEST))
        kept = _without_copies(objects, version, test.paths)
        if kept is not None:
            deduplicated = Evaluation(split=DEDUPLICATED)
            if kept.any():
                deduplicated = evaluate(test.labels[kept], predictions[kept], classifier.classes, DEDUPLICATED)
            deduplicated.left_out = len(kept) - int(kept.sum())
            found.append(deduplicated)
    held_out = evaluate(validation.labels, _predict(classifier, validation.images), classifier.classes, VALIDATION)
    held_out.grouped_by[:] = grouped_by
    return [*found, held_out]


def _predict(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    return classifier.predict(images).argmax(axis=1)


def _without_copies(objects: ObjectStore, version: DatasetVersion, paths: tuple[str, ...]) -> NDArray[np.bool_] | None:
    """Which of the test images `derive --deduplicate` would keep; None when no audit tells."""
    clusters = find_clusters(objects, version)
    if clusters is None:
        return None
    kept = {image.path for image in splits.without_twins(manifest.read(objects, version), clusters, patients=True)}
    return np.array([path in kept for path in paths], bool)
