"""The gate: whether a set of generated images may be trained on, and why. By default it may not.

What cannot be measured, with too few images or a class missing, is never admitted.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import synthoscope
from synthoscope.api.synthesis.v1.synthesis_pb2 import Verdict
from synthoscope.metrics.feature_extractor import FeatureExtractor
from synthoscope.metrics.frechet_distance import frechet_distance
from synthoscope.metrics.labelled_images import LabelledImages, features_of
from synthoscope.metrics.nearest import neighbour_radii
from synthoscope.metrics.relative import relative
from synthoscope.metrics.support import support
from synthoscope.synthetic.copies import CopyFinder, RepeatFinder
from synthoscope.synthetic.criteria import CRITERIA, LEAST_IMAGES, criterion
from synthoscope.synthetic.drawing import LEAST_OF_CLASS, MOST_GENERATED, MOST_REAL, draw
from synthoscope.synthetic.label_agreement import label_agreement

# Generated images that are compared: distances and coverage depend on how many there are.
_COMPARED, _COMPARED_OF_CLASS = 500, LEAST_OF_CLASS // 2

Values = Mapping[str, float | None]


@dataclass(frozen=True)
class Made:
    """What a generator made before anything was filtered out: images, and how many are copies of training images."""

    images: int
    copies: int


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images: pixels uint8 N×S×S[×3], features float32 N×D, and class names N."""

    images: NDArray[np.uint8]
    features: NDArray[np.float32]
    labels: NDArray[np.object_]

    def rows(self, counts: Mapping[str, int]) -> NDArray[np.int64]:
        """So many rows of each class, class by class."""
        return np.concatenate([np.flatnonzero(self.labels == label)[:count] for label, count in counts.items()])


def judge(
    generated: LabelledImages,
    training: LabelledImages,
    extractor: FeatureExtractor,
    made: Made | None = None,
    seed: int = 0,
    finder: CopyFinder | None = None,
    classes: Collection[str] = (),
) -> Verdict:
    """The verdict on generated images, beside the training images of their generator, all of one size.

    Images of a generator without classes have the empty label; then all training images are of one class. `made`, when
    images were filtered, counts copies before that; they are looked for among `generated` besides. The same arguments
    give the same verdict on the same machine. `finder` knows the training images, for whoever has one already.
    `classes` are those that the set was to have, by default all that there are training images of: a set without one
    of them is refused. `dataset_version` is left to the caller.
    """
    if set(generated.labels) == {""}:
        training = LabelledImages(training.images, [""] * len(training))
    verdict = Verdict(extractor=extractor.name, seed=seed, code_version=synthoscope.__version__)
    values: dict[str, float | None] = dict(fewest(generated, training, classes))
    if min(value or 0 for value in values.values()) >= LEAST_IMAGES and not only_one_grey(training.images):
        random = np.random.default_rng(seed)
        ours = sample(generated, MOST_GENERATED, extractor, random)
        theirs = sample(training, MOST_REAL, extractor, random)
        verdict.measured_images, verdict.reference_images = len(ours.labels), len(theirs.labels)
        finder = finder or CopyFinder(training.images)
        values |= compared(ours, theirs, seed) | {"repeats": excess_of_repeats(ours, theirs, finder)}
        values["training_copies"] = share_of_copies(ours, finder, made)
    return decided(verdict, values)


def decided(verdict: Verdict, values: Values) -> Verdict:
    """The verdict with all criteria filled in, of which the worst decides; one without a value was not measured."""
    verdict.criteria.extend(criterion(name, values.get(name)) for name in CRITERIA)
    verdict.admission = min(item.admission for item in verdict.criteria)
    return verdict


def fewest(generated: LabelledImages, training: LabelledImages, classes: Collection[str]) -> Values:
    """How many images the class has that has the fewest; none where a class is on one side alone."""
    classes = generated.rows.keys() | (classes or training.rows.keys())
    sides = {"generated_images": generated.counts(), "training_images": training.counts()}
    return {name: float(min((counts.get(label, 0) for label in classes), default=0)) for name, counts in sides.items()}


def only_one_grey(images: NDArray[np.uint8]) -> bool:
    """Whether every image is of a single grey value."""
    return all(image.min() == image.max() for image in images)


def sample(images: LabelledImages, most: int, extractor: FeatureExtractor, random: np.random.Generator) -> Sample:
    """Some of the images, with their features."""
    rows = draw(images.rows, most, random)
    pixels = images.images[rows]
    features = features_of(pixels, extractor, "as it is", lambda count: None)
    return Sample(pixels, features, np.asarray(images.labels, object)[rows])


def compared(generated: Sample, training: Sample, seed: int) -> dict[str, float | None]:
    """The values of what is compared by features."""
    counts = counts_of(generated)
    ratios, spreads, recalls = [], [], []
    for label in counts:
        real = training.features[training.rows({label: 2 * _COMPARED_OF_CLASS})]
        ours = generated.features[generated.rows({label: _COMPARED_OF_CLASS})]
        ratios.append(relative(frechet_distance, real, ours, seed=seed).ratio)
        spreads.append(spread(ours, real))
        within = support(real, ours, seed)
        recalls.append(within.generated.recall / within.real.recall if within.real.recall else None)
    shares = alike(counts, counts_of(training))
    real = training.features[training.rows({label: 2 * count for label, count in shares.items()})]
    ours = generated.features[generated.rows(shares)]
    beside = support(real, ours, seed)
    agreement = label_agreement(training.features, training.labels, generated.features, generated.labels, seed)
    return {
        "frechet": relative(frechet_distance, real, ours, seed=seed).ratio,
        "worst_class_frechet": None if None in ratios else max(ratio for ratio in ratios if ratio is not None),
        "coverage": beside.generated.coverage / beside.real.coverage if beside.real.coverage else None,
        "worst_class_recall": None if None in recalls else min(recall for recall in recalls if recall is not None),
        "spread": min(spreads),
        "probe": agreement.probe if agreement else None,
        "label_agreement": agreement.generated if agreement else None,
        "worst_class_agreement": agreement.worst_class if agreement else None,
    }


def counts_of(sample: Sample) -> dict[str, int]:
    """Images of each class."""
    labels, counts = np.unique(sample.labels, return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def alike(generated: Mapping[str, int], training: Mapping[str, int]) -> dict[str, int]:
    """At most 500 of all generated images, each class's share kept, such that there are twice as many training ones."""
    scale = min(
        1.0,
        _COMPARED / sum(generated.values()),
        *(training[label] / (2 * count) for label, count in generated.items()),
    )
    return {label: int(scale * count) for label, count in generated.items()}


def spread(generated: NDArray[np.float32], training: NDArray[np.float32]) -> float:
    """The median distance to the nearest other one of equally many, over that of training images."""
    count = min(len(generated), len(training))
    ours, theirs = (np.median(neighbour_radii(features[:count], 1)) for features in (generated, training))
    return float(ours / theirs) if theirs else 0.0


def excess_of_repeats(generated: Sample, training: Sample, finder: CopyFinder) -> float:
    """In the class where it is largest: the share of near-copies of an earlier one, less that of training images."""
    have = counts_of(training)
    counts = {label: min(count, have[label]) for label, count in counts_of(generated).items()}
    shares = []
    for sample in (generated, training):
        rows = sample.rows(counts)
        repeats = np.zeros(len(rows))
        repeats[[copy.index for copy in RepeatFinder(finder).find(sample.images[rows])]] = 1
        shares.append([repeats[sample.labels[rows] == label].mean() for label in counts])
    return float(np.max(np.subtract(shares[0], shares[1])))


def share_of_copies(generated: Sample, finder: CopyFinder, made: Made | None) -> float:
    """Of near-copies of training images, as the set is or as it was made, whichever is larger."""
    share = len(finder.find(generated.images)) / len(generated.images)
    return max(share, made.copies / made.images) if made and made.images else share
