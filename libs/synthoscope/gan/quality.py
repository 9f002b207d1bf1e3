"""How good a run's generators are: measured every `measure_kimg` thousand images against training images.

What is measured are the published weights (averaged ones where there are), on fixed latent vectors. The distances are
those of synthoscope.metrics; they compare within a run, while reports on a generator take more images and more halves.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synthoscope.gan.config import GanConfig
from synthoscope.gan.families import Family
from synthoscope.gan.plan import Part
from synthoscope.gan.sampling import to_pixels
from synthoscope.gan.steps import Data
from synthoscope.metrics.feature_extractor import FeatureExtractor
from synthoscope.metrics.frechet_distance import frechet_distance
from synthoscope.metrics.image_sets import grey
from synthoscope.metrics.kernel_distance import kernel_distance
from synthoscope.metrics.relative import relative
from synthoscope.training.randomness import numpy_generator, torch_generator

IMAGES = 500
"""Generated images that are measured, against as many real ones; the floor takes as many more real ones."""

LEAST_OF_CLASS = 30
"""Images of a class that its own distance takes at least."""

_CHUNK = 50


@dataclass
class Quality:
    """The course of a run's measurements, thin enough to travel in a checkpoint.

    `curves[metric]` are pairs of step and value; `best[part]`, the part's index as a string, are step and Fréchet
    distance of its best measurement.
    """

    curves: dict[str, list[list[float]]] = field(default_factory=dict)
    best: dict[str, list[float]] = field(default_factory=dict)

    def add(self, part: Part, step: int, metrics: Mapping[str, float]) -> bool:
        """Keeps what was measured after a step; whether it is the part's best so far."""
        for name, value in metrics.items():
            self.curves.setdefault(name, []).append([step, value])
        distance = metrics[_named("frechet_distance", part.label)]
        known = self.best.get(str(part.index))
        if known is not None and known[1] <= distance:
            return False
        self.best[str(part.index)] = [step, distance]
        return True

    @property
    def latest(self) -> dict[str, float]:
        """The last value of each metric."""
        return {name: points[-1][1] for name, points in self.curves.items()}

    def to_json(self) -> dict[str, Any]:
        """The course as JSON values, a copy."""
        curves = {name: [list(point) for point in points] for name, points in self.curves.items()}
        return {"curves": curves, "best": {part: list(best) for part, best in self.best.items()}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Quality":
        """Reads what `to_json` wrote."""
        curves = {name: [list(point) for point in points] for name, points in values["curves"].items()}
        return cls(curves, {part: list(best) for part, best in values["best"].items()})


class Meter:
    """Measures one part's generator. The real images' features are computed once, at the first measurement."""

    def __init__(
        self, config: GanConfig, family: Family, data: Data, part: Part, extractor: Callable[[], FeatureExtractor]
    ) -> None:
        self._config, self._family, self._data, self._part = config, family, data, part
        self._extractor = extractor
        self._real_features: NDArray[np.float32] | None = None
        rows = numpy_generator(config.seed, "measure", part.index).permutation(part.rows)[: 2 * IMAGES]
        self._rows: NDArray[np.int64] = rows
        self._labels = data.labels[rows[: (len(rows) + 1) // 2]]

    def due(self, done: int) -> bool:
        """Whether to measure after `done` steps of the part: every so many images, and at its end if it has as many."""
        every, size = 1000 * self._config.measure_kimg, self._config.batch_size
        if every == 0 or len(self._rows) < 4 or done * size < every:
            return False
        return done == self._part.end_step - self._part.first_step or done * size // every > (done - 1) * size // every

    def measure(self, generator: nn.Module) -> dict[str, float]:
        """Distances by name; where they are of one class, it stands behind a slash.

        `frechet_distance` and `kernel_distance`, and `frechet_ratio`: the distance over that between two halves of the
        real images, 1 for a perfect generator. The ratio also of each class that has LEAST_OF_CLASS images.
        """
        real, generated = self._real(), self._generated(generator)
        frechet, kernel = (
            relative(distance, real, generated, halvings=1) for distance in (frechet_distance, kernel_distance)
        )
        label = self._part.label
        found = {_named("frechet_distance", label): frechet.distance, _named("kernel_distance", label): kernel.distance}
        ratios = {label: frechet.ratio}
        for number in range(self._family.classes):
            ours, theirs = generated[self._labels == number], real[self._data.labels[self._rows] == number]
            if min(len(ours), len(theirs) // 2) >= LEAST_OF_CLASS:
                ratios[self._data.classes[number]] = relative(frechet_distance, theirs, ours, halvings=1).ratio
        return found | {_named("frechet_ratio", name): ratio for name, ratio in ratios.items() if ratio is not None}

    def _real(self) -> NDArray[np.float32]:
        """Features of the real images, N×D."""
        if self._real_features is None:
            images = (self._coloured(self._data.images[rows]) for rows in _chunks(self._rows))
            self._real_features = self._features(images)
        return self._real_features

    def _generated(self, generator: nn.Module) -> NDArray[np.float32]:
        """Features of an image for each of `_labels`, N×D."""
        return self._features(
            self._made(generator, torch.from_numpy(labels), chunk) for chunk, labels in enumerate(_chunks(self._labels))
        )

    def _made(self, generator: nn.Module, labels: Tensor, chunk: int) -> NDArray[np.uint8]:
        numbers = torch_generator(self._config.seed, "measure", self._part.index, chunk)
        latent = self._family.latent(len(labels), numbers)
        return to_pixels(self._family, generator, latent, labels if self._family.classes else None)

    def _coloured(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Real images as the generator makes them: grey in three channels where it knows no colours."""
        return np.repeat(grey(images)[..., None], 3, axis=3) if self._config.channels == 1 else images

    def _features(self, batches: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        extractor = self._extractor()
        return np.concatenate([extractor.features(images) for images in batches])


def _chunks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]


def efficientnet() -> FeatureExtractor:
    """The default extractor. Raises ImportError without the extra `measurement`."""
    from synthoscope.metrics.efficientnet_lite0_onnx import EfficientNetLite0

    return EfficientNetLite0()


def _named(metric: str, label: str) -> str:
    return f"{metric}/{label}" if label else metric
