"""Which images of a set are measured: of many some, the same ones each time. Needs numpy alone."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

MOST_GENERATED, MOST_REAL = 1000, 2000
"""Images that are measured; of more, about so many are drawn by the seed."""

LEAST_OF_CLASS = 250
"""Images of a class that are drawn at least, where it has as many."""


def draw(rows_of: Mapping[str, NDArray[np.int64]], most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Of the rows of each class all, or about `most` in all: the same share of each, but at least 250. In any order."""
    total = sum(map(len, rows_of.values()))
    shares = [max(round(most * len(rows) / total), LEAST_OF_CLASS) for rows in rows_of.values()]
    parts = zip(rows_of.values(), shares, strict=True)
    return random.permutation(np.concatenate([random.permutation(rows)[:share] for rows, share in parts]))
