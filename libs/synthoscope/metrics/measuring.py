"""Takes all measures of a set of generated images in one go."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from synthoscope.metrics.diversity import pair_similarity
from synthoscope.metrics.feature_extractor import ClassifyingExtractor, FeatureExtractor
from synthoscope.metrics.frechet_distance import frechet_distance
from synthoscope.metrics.inception_score import InceptionScore, inception_score
from synthoscope.metrics.kernel_distance import kernel_distance
from synthoscope.metrics.labelled_images import LabelledImages, features_of
from synthoscope.metrics.measurement import Beside, Measurement
from synthoscope.metrics.memorisation import memorisation
from synthoscope.metrics.nearest_real import Nearness, nearest_real
from synthoscope.metrics.relative import OVERALL, relative_by_class
from synthoscope.metrics.support import support_by_class
from synthoscope.metrics.symmetries import MIRROR

Progress = Callable[[str, int, int], None]
"""Told what has been done, and how many of how many steps. It may raise, to stop."""

MOST_COMPARED = 1000
"""Images of a set that are compared with the real ones pixel by pixel; of more, so many are drawn at random."""

_PAIRS = 300
_SCORE_SPLITS = 10
_METRIC_STEPS = 500  # a metric takes about as long as the features of so many images

Found = TypeVar("Found")


def measure(
    generated: LabelledImages,
    real: LabelledImages,
    held_out: LabelledImages | None,
    extractor: FeatureExtractor,
    seed: int = 0,
    symmetries: Sequence[str] = MIRROR,
    progress: Progress = lambda what, done, total: None,
) -> Measurement:
    """Measures generated images against the real ones that the generator was trained on.

    `held_out` are real images that it never saw, of a split that may be looked at; without them nothing can be said of
    memorisation. All images have one size, at least 11 pixels; there are at least 12 real, 10 generated and 2 held-out
    ones. Copies are looked for in each of `symmetries`, the first "as it is"; each costs a pass over generated and
    held-out images. The same arguments give the same answer on the same machine. Raises ValueError for other images.
    """
    passes = len(symmetries) * (len(generated) + len(held_out or ()))
    steps = _Steps(progress, len(real) + passes + _METRIC_STEPS * (8 if held_out is None else 9))
    views = steps.features("generated images", generated, extractor, symmetries)
    real_features = steps.features("real images", real, extractor, symmetries[:1])[0]
    audit = None
    if held_out is not None:
        unseen = steps.features("held-out images", held_out, extractor, symmetries)
        audit = steps.metric("memorisation", lambda: memorisation(views, real_features, unseen, seed))
    features = views[0]
    by_class = _by_class(real, real_features), _by_class(generated, features)
    return Measurement(
        extractor=extractor.name,
        seed=seed,
        counts={
            "generated": generated.counts(),
            "real": real.counts(),
            "held_out": held_out.counts() if held_out is not None else {},
        },
        frechet=steps.metric("Fréchet distances", lambda: relative_by_class(frechet_distance, *by_class, seed=seed)),
        kernel=steps.metric("kernel distances", lambda: relative_by_class(kernel_distance, *by_class, seed=seed)),
        whole_frechet=steps.metric("Fréchet distance", lambda: frechet_distance(real_features, features)),
        whole_kernel=steps.metric("kernel distance", lambda: kernel_distance(real_features, features)),
        support=steps.metric("support", lambda: support_by_class(*by_class, seed=seed)),
        similarity=steps.metric("similarity", lambda: _similarities(generated, real, seed)),
        generated_score=_score(extractor, features, seed),
        real_score=_score(extractor, real_features, seed),
        generated_nearness=steps.metric("nearest images", lambda: _nearness(generated, real, seed)),
        nearness_by_class=steps.metric("nearest images of a class", lambda: _nearness_by_class(generated, real, seed)),
        held_out_nearness=_nearness(held_out, real, seed) if held_out is not None else None,
        memorisation=audit,
    )


class _Steps:
    """Counts what has been done, and tells: the features of an image are a step, a metric is many."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._done, self._total = progress, 0, total

    def features(
        self, what: str, images: LabelledImages, extractor: FeatureExtractor, symmetries: Sequence[str]
    ) -> NDArray[np.float32]:
        """Features of the images in each symmetry, V×N×D."""
        views = np.empty((len(symmetries), len(images), extractor.dimensions), np.float32)
        for view, symmetry in zip(views, symmetries, strict=True):
            view[:] = features_of(images.images, extractor, symmetry, lambda count: self._tell(what, count))
        return views

    def metric(self, what: str, compute: Callable[[], Found]) -> Found:
        """What `compute` gives."""
        found = compute()
        self._tell(what, _METRIC_STEPS)
        return found

    def _tell(self, what: str, count: int) -> None:
        self._done += count
        self._progress(what, self._done, self._total)


def _by_class(images: LabelledImages, features: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    return {label: features[rows] for label, rows in images.rows.items()}


def _similarities(generated: LabelledImages, real: LabelledImages, seed: int) -> dict[str, Beside]:
    """Of classes that both sides have, and of pairs that know no class."""

    def alike(images: LabelledImages, rows: NDArray[np.int64] | slice) -> float:
        return pair_similarity(images.grey[rows], _PAIRS, seed)

    everything = slice(None)
    both = {OVERALL: Beside(alike(generated, everything), alike(real, everything))}
    for label in sorted(generated.rows.keys() & real.rows.keys()):
        ours, theirs = generated.rows[label], real.rows[label]
        if min(len(ours), len(theirs)) >= 2:
            both[label] = Beside(alike(generated, ours), alike(real, theirs))
    return both


def _nearness(images: LabelledImages, real: LabelledImages, seed: int) -> Nearness:
    drawn = np.random.default_rng(seed).permutation(len(images))[:MOST_COMPARED]
    return nearest_real(images.grey[drawn], real.grey)


def _nearness_by_class(images: LabelledImages, real: LabelledImages, seed: int) -> dict[str, Nearness]:
    def of(label: str) -> Nearness:
        rows = np.random.default_rng(seed).permutation(images.rows[label])[:MOST_COMPARED]
        return nearest_real(images.grey[rows], real.grey[real.rows[label]])

    return {label: of(label) for label in sorted(images.rows.keys() & real.rows.keys())}


def _score(extractor: FeatureExtractor, features: NDArray[np.float32], seed: int) -> InceptionScore | None:
    if not isinstance(extractor, ClassifyingExtractor):
        return None
    return inception_score(extractor.probabilities(features), _SCORE_SPLITS, seed)
