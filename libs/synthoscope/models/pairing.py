"""What two versions said of the same images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synthoscope.metrics.bootstrap import group_index
from synthoscope.models.predictions import ImagePredictions


@dataclass(frozen=True)
class Paired:
    """Whether each of two versions is right, bool N each, and the images' groups, int64 N, numbered from 0."""

    first: NDArray[np.bool_]
    second: NDArray[np.bool_]
    groups: NDArray[np.int64]

    @property
    def group_count(self) -> int:
        """How many groups there are."""
        return int(self.groups.max(initial=-1)) + 1


def pair(first: ImagePredictions, second: ImagePredictions) -> Paired:
    """The images that both have, each once; those that they call by different classes are left out.

    Classes are told by name: the two may number them differently. Images are of one group when either says so.
    """
    ours, theirs = _by_image(first), _by_image(second)
    common = sorted(ours.keys() & theirs.keys())
    groups = np.array([(ours[key][1], theirs[key][1]) for key in common], np.int64).reshape(-1, 2)
    return Paired(
        np.array([ours[key][0] for key in common], bool),
        np.array([theirs[key][0] for key in common], bool),
        _joined(groups[:, 0], groups[:, 1]),
    )


def _by_image(said: ImagePredictions) -> dict[tuple[str, str], tuple[bool, int]]:
    """By SHA-256 and true class: whether it was found, and the group."""
    rows = zip(said.images, said.labels, said.predicted, said.groups, strict=True)
    return {(image, said.classes[label]): (label == predicted, group) for image, label, predicted, group in rows}


def _joined(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """The groups of two groupings together, numbered from 0."""
    if not len(first):
        return first
    ours, theirs = group_index(first), group_index(second)
    size = len(first) + len(second)
    links = coo_array((np.ones(len(ours)), (ours, len(ours) + theirs)), shape=(size, size))
    return group_index(connected_components(links, directed=False)[1][ours].astype(np.int64))
