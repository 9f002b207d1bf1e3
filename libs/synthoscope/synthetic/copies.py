"""Near-copies: generated images that show a training image again, or an earlier generated one.

By the audit's means (docs/audit.md): descriptors fitted to the training images, their nearest neighbours, and an
alignment of the details of whatever lies near. A copy may be mirrored, turned, cropped or shifted by a little,
brighter, noisy or blurred.
"""

import tempfile
import weakref
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import faiss
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.distance import cdist

from synthoscope.datasets.audit.candidates import Candidate
from synthoscope.datasets.audit.copies import confirm
from synthoscope.datasets.audit.descriptors import Descriptors, coefficients_of, describe
from synthoscope.datasets.audit.pictures import SIDE
from synthoscope.datasets.audit.similarity import LEVELS
from synthoscope.datasets.audit.symmetries import SYMMETRIES, inverse
from synthoscope.metrics.image_sets import grey

_BATCH = 256  # images that are looked at together, which bounds the memory of a search
_NEIGHBOURS = 4  # pictures that an image is compared with, the nearest in any symmetry

# Noise and blur, which generated images have, take more from the details than what the audit looks for does: at 64 px,
# noise of 5 grey levels or a blur of 1 pixel leave 0.73 or more, and phantoms of other heads are below 0.67.
_LEVELS = (*LEVELS[:2], replace(LEVELS[2], threshold=0.75))

Thumbnails = NDArray[np.uint8]
Vectors = NDArray[np.float32]
Near = tuple[float, Candidate]
"""How far the descriptors of picture `a` and image `b` are from each other, squared."""


@dataclass(frozen=True)
class Copy:
    """Image `index` is a copy: `transform`, a name of SYMMETRIES, makes it of the image `reference`.

    `similarity`, up to 1, is how their greys correlate when one is laid on the other.
    """

    index: int
    reference: int
    transform: str
    similarity: float


class CopyFinder:
    """Finds copies of reference images, uint8 N×S×S[×3], N ≥ 1, in `threads` threads.

    It keeps 256 bytes of each in memory and 9 KiB in a temporary file. Raises ValueError when all references are of a
    single grey value, or for other shapes or dtypes.
    """

    def __init__(self, references: NDArray[np.uint8], threads: int = 1) -> None:
        thumbnails = thumbnails_of(references)
        shown = thumbnails[[bool(np.ptp(thumbnail)) for thumbnail in thumbnails]]
        if not len(shown):
            raise ValueError("the reference images are all of a single grey value: nothing could be a copy of them")
        self.descriptors = replace(describe(shown), coefficients=np.empty((0, 16, 16), np.float32))
        self.threads = threads
        self._gallery = _Gallery(self.descriptors)
        self._gallery.add(thumbnails, coefficients_of(thumbnails))

    def find(self, images: NDArray[np.uint8]) -> list[Copy]:
        """The images, uint8 N×S×S[×3] of any size, that are copies, by index, each with its most similar reference."""
        found: list[Copy] = []
        for start in range(0, len(images), _BATCH):
            thumbnails = thumbnails_of(images[start : start + _BATCH])
            near = self._gallery.near(coefficients_of(thumbnails))
            found += _confirmed(self._gallery, thumbnails, near, start, self.threads)
        return found


class RepeatFinder:
    """Finds near-copies of earlier images among images that come in batches, of any sizes.

    What it keeps of an image is what `finder`, whose descriptors it uses, keeps of a reference.
    """

    def __init__(self, finder: CopyFinder) -> None:
        self._descriptors, self._threads = finder.descriptors, finder.threads
        self._gallery = _Gallery(finder.descriptors)

    def find(self, images: NDArray[np.uint8]) -> list[Copy]:
        """The images, uint8 N×S×S[×3], that are copies of an earlier one, which may be one itself.

        Both are numbered from the first image of the first call.
        """
        found: list[Copy] = []
        for start in range(0, len(images), _BATCH):
            thumbnails = thumbnails_of(images[start : start + _BATCH])
            coefficients, first = coefficients_of(thumbnails), len(self._gallery)
            near = self._gallery.near(coefficients) + _near_each_other(self._descriptors, coefficients, first)
            self._gallery.add(thumbnails, coefficients)
            found += _confirmed(self._gallery, thumbnails, near, first, self._threads)
        return found


def thumbnails_of(images: NDArray[np.uint8]) -> Thumbnails:
    """Grey thumbnails, N×96×96, as the audit makes them, of images uint8 N×H×W[×3]. Raises ValueError for others."""
    thumbnails = np.empty((len(images), SIDE, SIDE), np.uint8)
    for start in range(0, len(images), _BATCH):
        for offset, image in enumerate(grey(images[start : start + _BATCH])):
            whole = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            thumbnails[start + offset] = np.asarray(whole)
    return thumbnails


class _Gallery:
    """Pictures that others are compared with, numbered in the order in which they were added."""

    def __init__(self, descriptors: Descriptors) -> None:
        self._descriptors = descriptors
        self._index = faiss.IndexFlatL2(descriptors.projection.shape[1])
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, thumbnails: Thumbnails, coefficients: Vectors) -> None:
        """Adds pictures."""
        self._index.add(self._descriptors.project(coefficients, SYMMETRIES["none"]))
        self._file.seek(0, 2)
        self._file.write(thumbnails.data)

    def near(self, coefficients: Vectors) -> list[Near]:
        """Of each of some images, by their coefficients, the pictures nearest to it in each symmetry."""
        if not len(self):
            return []
        found = []
        for transform, symmetry in SYMMETRIES.items():
            vectors = self._descriptors.project(coefficients, symmetry)
            distances, numbers = self._index.search(vectors, min(_NEIGHBOURS, len(self)))
            found += _listed(distances, numbers, inverse(transform))
        return found

    def thumbnails(self, numbers: Sequence[int]) -> Thumbnails:
        """Pictures with these numbers."""
        read = np.empty((len(numbers), SIDE, SIDE), np.uint8)
        for row, number in zip(read, numbers, strict=True):
            self._file.seek(number * row.nbytes)
            self._file.readinto(row.data)
        return read


def _near_each_other(descriptors: Descriptors, coefficients: Vectors, first: int) -> list[Near]:
    """The same among images that are numbered from `first`: of each, earlier ones."""
    own = descriptors.project(coefficients, SYMMETRIES["none"])
    found = []
    for transform, symmetry in SYMMETRIES.items():
        distances = cdist(descriptors.project(coefficients, symmetry), own, "sqeuclidean")
        distances[np.triu_indices(len(own))] = np.inf
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :_NEIGHBOURS]
        found += _listed(np.take_along_axis(distances, nearest, 1), first + nearest, inverse(transform))
    return found


def _listed(distances: Vectors, numbers: NDArray[np.int64], transform: str) -> list[Near]:
    rows, columns = np.nonzero(np.isfinite(distances))
    near = zip(distances[rows, columns].tolist(), numbers[rows, columns].tolist(), rows.tolist(), strict=True)
    return [(distance, Candidate(a, b, transform)) for distance, a, b in near]


def _nearest(near: Sequence[Near]) -> list[Candidate]:
    """Of each image, the nearest pictures."""
    counts: Counter[int] = Counter()
    kept = []
    for _, pair in sorted(near):
        if counts[pair.b] < _NEIGHBOURS:
            counts[pair.b] += 1
            kept.append(pair)
    return sorted(kept)


def _confirmed(gallery: _Gallery, thumbnails: Thumbnails, near: Sequence[Near], first: int, threads: int) -> list[Copy]:
    """Of each image, whose numbers begin with `first`, the most similar picture it is a copy of."""
    pairs = _nearest(near)
    numbers = sorted({pair.a for pair in pairs})
    place = {number: position for position, number in enumerate(numbers)}
    placed = [pair._replace(a=place[pair.a]) for pair in pairs]
    copies, similarity = confirm(gallery.thumbnails(numbers), thumbnails, placed, threads, _LEVELS)
    best: dict[int, tuple[float, Copy]] = {}
    for pair, structure, greys in zip(copies, similarity.structure.tolist(), similarity.grey.tolist(), strict=True):
        if structure > best.get(pair.b, (-1.0,))[0]:
            copy = Copy(first + pair.b, numbers[pair.a], pair.transform, min(greys, 1.0))
            best[pair.b] = structure, copy
    return [best[index][1] for index in sorted(best)]
