"""Whether a generator repeats its training images: three looks at distances to training and to held-out images.

- Nearest-neighbour ratio: how far generated images are from their nearest training image, over how far held-out images
  are from theirs. Well below 1, they repeat, or are so smooth that they lie between all images; above 1, worse.
- Copies: generated images nearer to a training image than all but 1 % of the held-out images are. A set that repeats
  nothing has about 1 % of them. Dar et al. 2025, "Unconditional latent diffusion models memorize patient imaging data",
  take their threshold from held-out images likewise.
- Membership test: whether one can tell training from held-out images by how near they are to the nearest generated one
  (Hilprecht et al. 2019, "Monte Carlo and reconstruction membership inference attacks"; the distance attack of Chen et
  al. 2020, "GAN-Leaks"). Its control asks the same of training images alone, some of which play the held-out ones: what
  it finds there is chance.

No such test proves that nothing is memorised (Stein et al. 2023, "Exposing flaws of generative model evaluation
metrics"); each can find that something is. No implementation of these three is in common use, so tests plant copies and
honest sets instead of comparing figures.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from synthoscope.metrics.feature_sets import comparable_features
from synthoscope.metrics.nearest import nearest

QUANTILE = 0.01
"""The share of held-out images that lie within the distance below which an image is called a copy."""

_CONFIDENCE = 0.9999  # of the limits: an honest set exceeds one of them by chance once in 5,000 audits
_DEVIATIONS = 4.0
_CONTROLS = 50


@dataclass(frozen=True)
class Memorisation:
    """What an audit found; every limit is what chance alone stays below.

    `ratio` is of medians over images; `copies` and `copy_limit` are shares of the generated images, `threshold`
    a distance. `membership` is the area under the test's ROC curve, 0.5 where it can tell nothing; `control` the mean
    and `control_deviation` the standard deviation of the same area over 50 controls.
    """

    ratio: float
    copies: float
    copy_limit: float
    threshold: float
    membership: float
    membership_limit: float
    control: float
    control_deviation: float

    @property
    def found(self) -> bool:
        """Whether there are more copies, or members tell themselves more, than chance explains."""
        return self.copies > self.copy_limit or self.membership > self.membership_limit


def memorisation(generated: NDArray[Any], train: NDArray[Any], held_out: NDArray[Any], seed: int = 0) -> Memorisation:
    """The audit from features: generated N×D or V×N×D, training M×D, held-out H×D or V×H×D; N, M, H at least 2.

    With a leading V there are V versions of every image, such as mirrored and turned ones, and an image is as far from
    training images as its nearest version. Give held-out images the same versions as the generated, or the threshold
    is not theirs. Where 1 % of the held-out images are themselves copies of training images, the threshold is 0 and
    exact copies alone are counted: take duplicates out first. Raises ValueError for other shapes, for different V, or
    for numbers that are not finite.
    """
    generated, train, held_out = _versions(generated), np.asarray(train), _versions(held_out)
    if len(generated) != len(held_out):
        raise ValueError(f"features must have as many versions of both sets: {len(generated)} and {len(held_out)}")
    for version in (*generated, *held_out):
        comparable_features(version, train)
    to_train, baseline = _least_distances(generated, train), _least_distances(held_out, train)
    copies, threshold, copy_limit = _copies(to_train, baseline)
    membership, controls = _membership(generated, train, held_out, np.random.default_rng(seed))
    deviation = float(controls.std())
    return Memorisation(
        ratio=_ratio(float(np.median(to_train)), float(np.median(baseline))),
        copies=copies,
        copy_limit=copy_limit,
        threshold=threshold,
        membership=membership,
        membership_limit=0.5 + _DEVIATIONS * deviation,
        control=float(controls.mean()),
        control_deviation=deviation,
    )


def _versions(features: NDArray[Any]) -> NDArray[Any]:
    features = np.asarray(features)
    return features if features.ndim == 3 else features[None]


def _least_distances(versions: NDArray[Any], references: NDArray[Any]) -> NDArray[np.float64]:
    """Of each of N images in V versions, V×N×D, the distance of its nearest version to the references; float64 N."""
    return np.min([nearest(version, references)[1] for version in versions], axis=0)


def _copies(generated: NDArray[np.float64], held_out: NDArray[np.float64]) -> tuple[float, float, float]:
    """The share of copies, the distance below which an image is one, and the share that chance stays below.

    The threshold is the k-th least of H held-out distances, so how many of N like them lie within it is beta-binomial
    (k, H + 1 - k): with few held-out images the threshold itself is uncertain, and the limit higher.
    """
    rank = max(1, math.floor(QUANTILE * len(held_out)))
    threshold = float(np.partition(held_out, rank - 1)[rank - 1])
    count = len(generated)
    limit = _beta_binomial_quantile(_CONFIDENCE, count, rank, len(held_out) + 1 - rank) / count
    return float((generated <= threshold).mean()), threshold, limit


def _beta_binomial_quantile(probability: float, count: int, a: int, b: int) -> int:
    """As `scipy.stats.betabinom.ppf`, without the module's 70 MiB: the least number that is reached so probably."""
    successes = np.arange(count + 1)
    ways = gammaln(count + 1) - gammaln(successes + 1) - gammaln(count - successes + 1)
    chances = np.exp(ways + betaln(successes + a, count - successes + b) - betaln(a, b))
    return min(int(np.searchsorted(np.cumsum(chances), probability)), count)


def _membership(
    generated: NDArray[Any], train: NDArray[Any], held_out: NDArray[Any], random: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """The area under the curve of the test, and those of its controls: as many members play the held-out images."""
    members, strangers = (
        np.min([nearest(images, version)[1] for version in generated], axis=0) for images in (train, held_out[0])
    )
    playing = min(len(strangers), len(members) // 2)
    controls = []
    for _ in range(_CONTROLS):
        shuffled = random.permutation(members)
        controls.append(_area(shuffled[playing:], shuffled[:playing]))
    return _area(members, strangers), np.array(controls)


def _area(members: NDArray[np.float64], strangers: NDArray[np.float64]) -> float:
    """The chance that a member is nearer than a stranger, ties by half."""
    ordered = np.sort(strangers)
    nearer_or_as_near = np.searchsorted(ordered, members, "left") + np.searchsorted(ordered, members, "right")
    return float(1.0 - nearer_or_as_near.mean() / 2 / len(strangers))


def _ratio(distance: float, baseline: float) -> float:
    """Distance over baseline; 1 where both are 0, as in a set whose held-out images are copies of training images."""
    tiny = float(np.finfo(np.float64).tiny)
    return (distance + tiny) / (baseline + tiny)
