"""Finds pictures that are copies of each other though their pixels differ."""

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
    pairs = candidates(descriptors, threads)
    maps = identity(len(pairs))
    # Torch's own threads would split each small operation; here every thread has a batch to itself.
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for level in LEVELS:
            batches = [(pairs[at : at + _BATCH], maps[at : at + _BATCH]) for at in range(0, len(pairs), _BATCH)]
            look = partial(_compare, thumbnails, level)
            similarity, maps = _joined(list(pool.map(look, batches)))
            alike = np.flatnonzero(similarity.structure >= level.threshold)
            pairs, maps = [pairs[index] for index in alike], maps[torch.from_numpy(alike)]
            similarity = Similarity(similarity.structure[alike], similarity.grey[alike])
    return _links(pairs, similarity)


def _compare(
    thumbnails: NDArray[np.uint8], level: Level, batch: tuple[Sequence[Candidate], Tensor]
) -> tuple[Similarity, Tensor]:
    pairs, maps = batch
    turned = [SYMMETRIES[pair.transform].of_pixels(thumbnails[pair.a]) for pair in pairs]
    return compare(np.stack(turned), thumbnails[[pair.b for pair in pairs]], level, maps)


def _joined(parts: Sequence[tuple[Similarity, Tensor]]) -> tuple[Similarity, Tensor]:
    if not parts:
        return Similarity(np.empty(0, np.float32), np.empty(0, np.float32)), identity(0)
    structure = np.concatenate([similarity.structure for similarity, _ in parts])
    grey = np.concatenate([similarity.grey for similarity, _ in parts])
    return Similarity(structure, grey), torch.cat([maps for _, maps in parts])


def _links(pairs: Sequence[Candidate], similarity: Similarity) -> list[Link]:
    best: dict[tuple[int, int], tuple[float, Link]] = {}
    for pair, structure, grey in zip(pairs, similarity.structure.tolist(), similarity.grey.tolist(), strict=True):
        if structure > best.get((pair.a, pair.b), (-1.0,))[0]:
            best[pair.a, pair.b] = structure, Link(*pair, min(grey, 1.0))
    return [link for _, link in best.values()]
