"""Making and judging candidates. What becomes of a candidate depends on the request, its label and its index alone."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from services.synthesis.selection import Share
from synthoscope import models
from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.api.synthesis.v1.synthesis_pb2 import GenerationFilters
from synthoscope.api.synthesis.v1.synthesis_service_pb2 import SubmitGenerationRequest
from synthoscope.classifier.prediction import Classifier, load_classifier
from synthoscope.datasets.cache import PixelCache
from synthoscope.datasets.loading import load_split
from synthoscope.gan import sampling
from synthoscope.gan.sampling_options import SamplingOptions
from synthoscope.images.preprocessing import Pipeline
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.synthetic.copies import CopyFinder
from synthoscope.synthetic.preprocessing import pipeline_of_generator

TRAINING_COPY, DISCRIMINATOR, CLASSIFIER = "training_copy", "discriminator", "classifier"
"""The filters, in the order in which they are asked."""

CALIBRATION = 256
"""Candidates of a class whose scores say how high the best share's are."""

_PROBABILITY = 0.5


class Candidate(NamedTuple):
    """A candidate: what refused it, or ""; as the generator made it, and as it would be stored; uint8 S×S×3."""

    number: int
    refused: str
    generated: NDArray[np.uint8]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Referee:
    """A classifier that must agree with a candidate's label."""

    classifier: Classifier
    pipeline: Pipeline
    probability: float

    def agrees(self, label: str, images: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Whether each image, uint8 N×S×S×3, is of the label with at least the probability."""
        seen = np.stack([self.pipeline.apply(image).pixels for image in images])
        probabilities: NDArray[np.float32] = self.classifier.predict(seen)[:, self.classifier.class_index(label)]
        return probabilities >= self.probability


@dataclass(frozen=True)
class Workshop:
    """All that makes and judges the candidates of a request, in one thread."""

    seed: int
    generators: sampling.Generators
    change: Callable[[Tensor], Tensor]
    output_size: int
    copies: CopyFinder
    discriminator_share: float
    referee: Referee | None
    _thresholds: dict[str, float] = field(default_factory=dict)

    def candidates(self, share: Share) -> Iterator[Candidate]:
        """The candidates of a share, in their order.

        Chunks are judged whole, so that neither a network's rounding nor what it compares depends on the share.
        """
        for first, generated in sampling.chunks(
            self.generators, share.label, share.count, self.seed, share.first, self.change
        ):
            pixels = np.stack([resampled(image, self.output_size) for image in generated])
            refused = self._refused(share.label, generated, pixels)
            for number in range(max(share.first, first), min(share.first + share.count, first + len(pixels))):
                place = number - first
                yield Candidate(number, refused[place], generated[place], pixels[place])

    def threshold(self, label: str) -> float | None:
        """The least discriminator score of a label's images; None without such a filter."""
        if not self.discriminator_share:
            return None
        if label not in self._thresholds:
            chunks = sampling.chunks(self.generators, label, CALIBRATION, self.seed, change=self.change)
            scores = [sampling.scores(self.generators, label, pixels) for _, pixels in chunks]
            best_first = np.sort(np.concatenate(scores))[::-1]
            self._thresholds[label] = float(best_first[math.ceil(self.discriminator_share * CALIBRATION) - 1])
        return self._thresholds[label]

    def _refused(self, label: str, generated: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> list[str]:
        refused = [""] * len(pixels)

        def refuse(passes: NDArray[np.bool_], reason: str) -> None:
            for place in np.flatnonzero(~passes):
                refused[place] = refused[place] or reason

        unlike = np.ones(len(generated), np.bool_)
        unlike[[copy.index for copy in self.copies.find(generated)]] = False
        refuse(unlike, TRAINING_COPY)
        threshold = self.threshold(label)
        if threshold is not None:
            refuse(sampling.scores(self.generators, label, generated) >= threshold, DISCRIMINATOR)
        if self.referee is not None:
            refuse(self.referee.agrees(label, pixels), CLASSIFIER)
        return refused


def open_workshop(objects: ObjectStore, cache: PixelCache, request: SubmitGenerationRequest) -> Workshop:
    """The workshop of a request that was checked; raises what reading models and datasets raises."""
    record = models.get(objects, request.model_version)
    options = SamplingOptions.from_message(request.options, record.preset)
    filters = request.options.filters
    generators = sampling.load(objects, record, options.checkpoint, judged=bool(filters.discriminator_share))
    return Workshop(
        request.seed,
        generators,
        sampling.change_of(generators.family, options),
        request.options.output_size,
        training_copies(objects, cache, request.model_version),
        filters.discriminator_share,
        _referee(objects, filters, request.model_version) if filters.classifier else None,
    )


def training_copies(objects: ObjectStore, cache: PixelCache, model_version: str) -> CopyFinder:
    """What finds copies of the images that a GAN was trained on, as it saw them.

    Raises FailedPrecondition when none of them shows anything, and what reading models and datasets raises.
    """
    record = models.get(objects, model_version)
    size, dataset = sampling.config_of(record).image_size, record.lineage.dataset_version
    images = load_split(objects, dataset, Split.SPLIT_TRAIN, size, cache).images
    try:
        return CopyFinder(images)
    except ValueError as error:
        raise FailedPrecondition(f"no copies of the images of {dataset} could be told: {error}") from error


def resampled(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """An image, uint8 S×S×3, at another side by Lanczos resampling; as it is when the side is 0 or its own."""
    if side in (0, len(pixels)):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def _referee(objects: ObjectStore, filters: GenerationFilters, model_version: str) -> Referee:
    classifier = load_classifier(objects, filters.classifier)
    gan = models.get(objects, model_version)
    pipeline = pipeline_of_generator(gan, classifier.pipeline, classifier.record.name)
    return Referee(classifier, pipeline, filters.classifier_probability or _PROBABILITY)
