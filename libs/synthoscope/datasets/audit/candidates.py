"""Which pairs of pictures may be copies: neighbours in descriptor space, found by an inverted-file index."""

from collections.abc import Iterator
from typing import NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from synthoscope.datasets.audit.descriptors import Descriptors
from synthoscope.datasets.audit.symmetries import SYMMETRIES, inverse

_FEW, _MANY = 33, 257  # neighbours asked for at first, and where that many are within the radius
_PROBED = 16  # lists of the index that a search reads
_BLOCK = 4096


class Candidate(NamedTuple):
    """Pictures a < b such that `transform` may make b of a."""

    a: int
    b: int
    transform: str


def candidates(descriptors: Descriptors, threads: int) -> list[Candidate]:
    """All pairs within the radius under some symmetry, sorted; of a picture with more than 256 such, the nearest.

    The index has √n lists and reads 16 of them for a picture, so that n pictures cost about n^1.5.
    """
    faiss.omp_set_num_threads(threads)
    index = _index(descriptors.vectors(SYMMETRIES["none"]))
    found = set()
    for transform, symmetry in SYMMETRIES.items():
        for start in range(0, len(descriptors.coefficients), _BLOCK):
            queries = descriptors.vectors(symmetry, start, start + _BLOCK)
            for query, neighbour in _within(index, queries, descriptors.radius):
                first, second = start + query, neighbour
                if first < second:
                    found.add(Candidate(first, second, transform))
                elif second < first:
                    found.add(Candidate(second, first, inverse(transform)))
    return sorted(found)


def _index(vectors: NDArray[np.float32]) -> faiss.IndexIVFFlat:
    count, length = vectors.shape
    lists = max(1, int(np.sqrt(count)))
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(length), length, lists)
    index.cp.min_points_per_centroid = 1  # fewer only make the lists uneven
    index.nprobe = _PROBED
    index.train(vectors)
    index.add(vectors)
    return index


def _within(index: faiss.IndexIVFFlat, queries: NDArray[np.float32], radius: float) -> Iterator[tuple[int, int]]:
    """Queries and their neighbours within the radius."""
    distances, neighbours = index.search(queries, min(_FEW, index.ntotal))
    crowded = np.flatnonzero(distances[:, -1] <= radius)
    rows, columns = np.nonzero((distances <= radius) & (neighbours >= 0))
    yield from zip(rows.tolist(), neighbours[rows, columns].tolist(), strict=True)
    if len(crowded) and index.ntotal > _FEW:
        distances, neighbours = index.search(queries[crowded], min(_MANY, index.ntotal))
        rows, columns = np.nonzero((distances <= radius) & (neighbours >= 0))
        yield from zip(crowded[rows].tolist(), neighbours[rows, columns].tolist(), strict=True)
