"""Finds pictures that are copies of each other though their pixels differ."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthoscope.datasets.audit.alignment import identity
from synthoscope.datasets.audit.candidates import Candidate, candidates
from synthoscope.datasets.audit.descriptors import Descriptors
from synthoscope.datasets.audit.similarity import LEVELS, Level, Similarity, compare
from synthoscope.datasets.audit.symmetries import SYMMETRIES, kind

_BATCH = 32  # pairs compared together: what fits into a processor's cache


@dataclass(frozen=True)
class Link:
    """Two pictures that are copies: `transform` makes b of a; `similarity` is how their aligned greys correlate."""

    a: int
    b: int
    transform: str
    similarity: float

    @property
    def kind(self) -> str:
        """As in DuplicatePair."""
        return kind(self.transform)


def find_copies(thumbnails: NDArray[np.uint8], descriptors: Descriptors, threads: int) -> list[Link]:
    """All pairs a < b of thumbnails (n × 96 × 96, with their descriptors) that show one picture, in their order.

    Of several symmetries that make one picture of the other, the best is taken.
    """
    return _links(*confirm(thumbnails, thumbnails, candidates(descriptors, threads), threads))


def confirm(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    pairs: list[Candidate],
    threads: int,
    levels: Sequence[Level] = LEVELS,
) -> tuple[list[Candidate], Similarity]:
    """Which candidates are copies, in their order, and how similar: thumbnail `a` of the first, `b` of the second."""
    maps = identity(len(pairs)).contiguous()
    # Torch's own threads would split each small operation; here every thread has a batch to itself.
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for level in levels:
            similarity = Similarity(np.empty(len(pairs), np.float32), np.empty(len(pairs), np.float32))
            look = partial(_compare, first, second, level, pairs, maps, similarity)
            deque(pool.map(look, range(0, len(pairs), _BATCH)), maxlen=0)
            alike = np.flatnonzero(similarity.structure >= level.threshold)
            pairs, maps = [pairs[index] for index in alike.tolist()], maps[torch.from_numpy(alike)]
            similarity = Similarity(similarity.structure[alike], similarity.grey[alike])
    return pairs, similarity


def _compare(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    level: Level,
    pairs: Sequence[Candidate],
    maps: Tensor,
    similarity: Similarity,
    start: int,
) -> None:
    """Looks at the batch that begins at `start`: fills in its similarity, and puts better maps for its maps.

    What came back as new arrays would lie scattered between the large ones of the batches, whose memory then could not
    be used again: twice as much, over some 50,000 pairs.
    """
    batch = slice(start, start + _BATCH)
    turned = np.stack([SYMMETRIES[pair.transform].of_pixels(first[pair.a]) for pair in pairs[batch]])
    found, maps[batch] = compare(turned, second[[pair.b for pair in pairs[batch]]], level, maps[batch])
    similarity.structure[batch], similarity.grey[batch] = found.structure, found.grey


def _links(pairs: Sequence[Candidate], similarity: Similarity) -> list[Link]:
    best: dict[tuple[int, int], tuple[float, Link]] = {}
    for pair, structure, grey in zip(pairs, similarity.structure.tolist(), similarity.grey.tolist(), strict=True):
        if structure > best.get((pair.a, pair.b), (-1.0,))[0]:
            best[pair.a, pair.b] = structure, Link(*pair, min(grey, 1.0))
    return [link for _, link in best.values()]
