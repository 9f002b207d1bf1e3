"""Tells images unlike the training images: by their distance to the nearest of these (Sun et al. 2022), in three views.

What the network sees of an image (its pooled features, from the first to the last resolution) tells other modalities; a
small network that learned from grey pictures is blind to much else, though: to colour, and to where things lie. So an
image's grey levels and colours as a whole, and its layout, are looked at besides. An image is refused when any view is
stranger than that of held-out real images.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from synthoscope.classifier.reliability.histograms import input_statistics

NEIGHBOURS = 10
BANK = 2000
"""Most training images to fit a detector on: each image to be judged is compared with all of them."""

ALLOWED = 0.01
"""Share of held-out real images that may be refused; half of the 2 % that are promised, since they are a sample."""

_LAYOUT = 8
_LEAST_SPREAD = 1.0
"""Of a statistic, in grey levels: less than that is the rounding of pixels."""

FEATURES, STATISTICS, LAYOUT = VIEWS = ("features", "statistics", "layout")

Views = Mapping[str, NDArray[np.float32]]
"""By name of the view, one row an image, N×…."""


def views_of(images: NDArray[np.uint8], features: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The three views of images uint8 N×H×W×3 with the network's features float32 N×D."""
    statistics = np.stack([*input_statistics(images).values(), _saturation(images)], axis=1)
    return {FEATURES: _unit(features), STATISTICS: statistics.astype(np.float32), LAYOUT: _layout(images)}


@dataclass(frozen=True)
class Detector:
    """The views of training images, M rows each, the distance in each that counts as 1, and the score refused above.

    `centre` and `spread` are those of the statistics, which have different units.
    """

    bank: Views
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    limits: Mapping[str, float]
    threshold: float

    def scores(self, views: Views) -> NDArray[np.float32]:
        """How strange images are, float32 N: the largest of the views' distances, in units of their limits."""
        return np.max([self.distances(name, views) / self.limits[name] for name in VIEWS], axis=0)

    def refused(self, views: Views) -> NDArray[np.bool_]:
        """Which images are too strange to be diagnosed, N."""
        return self.scores(views) > self.threshold

    def distances(self, name: str, views: Views) -> NDArray[np.float32]:
        """To the k-th nearest training image in one view, float32 N."""
        bank, rows = self.bank[name], views[name]
        if name == STATISTICS:
            bank, rows = ((part - self.centre) / self.spread for part in (bank, rows))
        squares = (rows**2).sum(axis=1)[:, None] + (bank**2).sum(axis=1) - 2 * rows @ bank.T
        nearest = np.partition(squares, min(NEIGHBOURS, len(bank)) - 1, axis=1)[:, : min(NEIGHBOURS, len(bank))]
        return np.sqrt(np.maximum(nearest.max(axis=1), 0.0)).astype(np.float32)

    def to_tensors(self) -> dict[str, NDArray[np.float32]]:
        """All of it as named arrays."""
        numbers = np.array([self.threshold, *(self.limits[name] for name in VIEWS)], np.float32)
        return {**self.bank, "centre": self.centre, "spread": self.spread, "limits": numbers}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.float32]]) -> "Detector":
        """The detector that `to_tensors` wrote. Raises KeyError when something is missing."""
        threshold, *limits = tensors["limits"].tolist()
        return cls(
            bank={name: tensors[name] for name in VIEWS},
            centre=tensors["centre"],
            spread=tensors["spread"],
            limits=dict(zip(VIEWS, limits, strict=True)),
            threshold=threshold,
        )


def fit(training: Views, held_out: Views) -> Detector:
    """A detector of training images, at least one, that refuses about 1 % of held-out real ones."""
    centre = training[STATISTICS].mean(axis=0)
    spread = np.maximum(training[STATISTICS].std(axis=0), _LEAST_SPREAD)
    bank = {name: np.ascontiguousarray(training[name]) for name in VIEWS}
    return refit(Detector(bank, centre, spread, dict.fromkeys(VIEWS, 1.0), 1.0), held_out)


def refit(detector: Detector, held_out: Views) -> Detector:
    """The detector with limits and threshold from other held-out images."""
    distances = {name: detector.distances(name, held_out) for name in VIEWS}
    limits = {name: max(_highest(values), 1e-6) for name, values in distances.items()}
    scores = np.max([distances[name] / limits[name] for name in VIEWS], axis=0)
    return replace(detector, limits=limits, threshold=_highest(scores))


def _highest(values: NDArray[np.float32]) -> float:
    """What a share ALLOWED of values is above: their ⌈(N + 1)·(1 - ALLOWED)⌉-th smallest, or the largest."""
    rank = min(len(values), math.ceil((len(values) + 1) * (1 - ALLOWED)))
    return float(np.partition(values, rank - 1)[rank - 1])


def _saturation(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How far the channels lie apart, in grey levels: 0 for grey pictures."""
    spread = images.max(axis=3).astype(np.int16) - images.min(axis=3)
    return spread.mean(axis=(1, 2))


def _layout(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Where it is bright and dark: 8×8 means, whatever the brightness and contrast of the whole."""
    grey = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images)
    small = np.stack([cv2.resize(picture, (_LAYOUT, _LAYOUT), interpolation=cv2.INTER_AREA) for picture in grey])
    flat = small.reshape(len(images), -1).astype(np.float32)
    return _unit(flat - flat.mean(axis=1, keepdims=True), least=1.0)


def _unit(rows: NDArray[np.float32], least: float = 1e-6) -> NDArray[np.float32]:
    """Rows of length 1; those shorter than `least` stay shorter."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / np.maximum(lengths, least)).astype(np.float32)
    return scaled
