"""Nearest neighbours among features, exactly and in blocks, so that memory does not grow with the number of pairs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256  # rows of a distance matrix that are in memory at once
_ROUNDING = 1e-10
"""Squared distances below this share of the features' own squared lengths are taken for 0: those are the same image,
seen in batches of other sizes, and the rest is rounding."""


def distance_blocks(queries: NDArray[Any], references: NDArray[Any]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Euclidean distances of N×D to M×D features, of any real dtype, some rows at a time: which, and n×M float64."""
    # Distances do not depend on the origin; products lose the fewest digits when it lies in the middle.
    middle = references.mean(axis=0, dtype=np.float64)
    references = references - middle
    squares = np.einsum("md,md->m", references, references)
    for start in range(0, len(queries), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(queries)))
        block = queries[rows] - middle
        lengths = np.einsum("nd,nd->n", block, block)[:, None] + squares
        squared = block @ references.T
        squared *= -2.0
        squared += lengths
        squared[squared < _ROUNDING * lengths] = 0.0
        yield rows, np.sqrt(squared, out=squared)


def nearest(queries: NDArray[Any], references: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each of N×D features, which of M×D references (M ≥ 1) is nearest, the first of several, and how far it is."""
    indices, distances = np.empty(len(queries), np.int64), np.empty(len(queries))
    for rows, block in distance_blocks(queries, references):
        indices[rows] = block.argmin(axis=1)
        distances[rows] = block.min(axis=1)
    return indices, distances


def neighbour_radii(points: NDArray[Any], k: int) -> NDArray[np.float64]:
    """Of each of N×D features, how far its k-th nearest other one is. Raises ValueError unless 1 ≤ k < N."""
    if not 1 <= k < len(points):
        raise ValueError(f"features must be more than the k = {k} neighbours asked for, and k at least 1")
    radii = np.empty(len(points))
    for rows, block in distance_blocks(points, points):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.inf
        radii[rows] = np.partition(block, k - 1, axis=1)[:, k - 1]
    return radii
