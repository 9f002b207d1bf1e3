"""What is measured of a set of generated images: per class and overall, beside what real images reach."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from synthoscope.metrics.inception_score import InceptionScore
from synthoscope.metrics.memorisation import Memorisation
from synthoscope.metrics.nearest_real import Nearness
from synthoscope.metrics.relative import Relative
from synthoscope.metrics.support import Support


@dataclass(frozen=True)
class Beside:
    """A number of generated images and the same of real ones."""

    generated: float
    real: float


@dataclass(frozen=True)
class Measurement:
    """What `measuring.measure` found. Mappings have OVERALL and a key for each class with enough images on both sides.

    `frechet` and `kernel` distances stand beside their floors. `whole_frechet` and `whole_kernel` are of all generated
    against all real images, for comparing with numbers taken that way. `similarity` is the mean MS-SSIM of pairs within
    a set: low is diverse. `nearness_by_class`, without OVERALL, is that of generated images to the real ones of their
    own class. Without held-out images `held_out_nearness` and `memorisation` are None; so are the Inception scores of
    an extractor that gives no probabilities.
    """

    extractor: str
    seed: int
    counts: Mapping[str, Mapping[str, int]]
    frechet: Mapping[str, Relative]
    kernel: Mapping[str, Relative]
    whole_frechet: float
    whole_kernel: float
    support: Mapping[str, Support]
    similarity: Mapping[str, Beside]
    generated_score: InceptionScore | None
    real_score: InceptionScore | None
    generated_nearness: Nearness
    nearness_by_class: Mapping[str, Nearness]
    held_out_nearness: Nearness | None
    memorisation: Memorisation | None

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON takes it."""
        distances = {"frechet": self.frechet, "kernel": self.kernel}
        report = asdict(self) | {
            name: {label: found.as_json() for label, found in by_class.items()} for name, by_class in distances.items()
        }
        if self.memorisation:
            report["memorisation"]["found"] = self.memorisation.found
        return report
