"""What a classifier said of images whose truth is known: what all scores are computed from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_TOLERANCE = 0.01
"""How far a row's sum may be from 1: half precision rounds so coarsely."""


@dataclass(frozen=True)
class Predictions:
    """Class probabilities float32 N×C, rows that sum to 1, against true classes, int64 N in [0, C); N at least 1.

    `groups` has a number for each image, int64 N: those of one number are copies of one picture or images of one
    patient, and are no independent evidence; an image of a negative number is a group of its own. `decided`, int64 N in
    [0, C), are the classes answered; None where these are the likeliest ones.
    Raises ValueError for other shapes, labels out of range, probabilities that are no numbers in [0, 1] and rows that
    sum to something else.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    groups: NDArray[np.int64]
    decided: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _check(self.probabilities, self.groups)
        if self.labels.shape != self.probabilities.shape[:1]:
            raise ValueError(f"labels must be {len(self.probabilities)} numbers, not {self.labels.shape}")
        if self.labels.min() < 0 or self.labels.max() >= self.probabilities.shape[1]:
            raise ValueError(f"labels must be in [0, {self.probabilities.shape[1]})")
        if self.decided is not None and self.decided.shape != self.labels.shape:
            raise ValueError(f"decided must be {len(self.labels)} numbers, not {self.decided.shape}")
        sums = self.probabilities.sum(axis=1)
        worst = int(np.abs(sums - 1).argmax())
        if abs(sums[worst] - 1) > _TOLERANCE:
            raise ValueError(f"row {worst} of the probabilities must sum to 1; it sums to {sums[worst]:.3g}")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class answered for each image."""
        return self.likeliest if self.decided is None else self.decided

    @property
    def likeliest(self) -> NDArray[np.int64]:
        """The likeliest class of each image."""
        return self.probabilities.argmax(axis=1)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Predictions":
        """Those of some images."""
        decided = None if self.decided is None else self.decided[rows]
        return Predictions(self.labels[rows], self.probabilities[rows], self.groups[rows], decided)


@dataclass(frozen=True)
class FindingPredictions:
    """Probabilities of findings, float32 N×F, against whether each is there, bool N×F; groups as above.

    Raises ValueError for other shapes, another type of `present` and probabilities that are no numbers in [0, 1].
    """

    present: NDArray[np.bool_]
    probabilities: NDArray[np.float32]
    groups: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check(self.probabilities, self.groups)
        if self.present.shape != self.probabilities.shape:
            raise ValueError(f"present must be {self.probabilities.shape}, not {self.present.shape}")
        # Of integers, ~ turns bits over and not truth: scores would be wrong without a word.
        if self.present.dtype != np.bool_:
            raise ValueError(f"present must be bool, not {self.present.dtype}")

    def __len__(self) -> int:
        return len(self.present)

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Which findings are likelier there than not."""
        return self.probabilities > 0.5

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "FindingPredictions":
        """Those of some images."""
        return FindingPredictions(self.present[rows], self.probabilities[rows], self.groups[rows])


def _check(probabilities: NDArray[np.float32], groups: NDArray[np.int64]) -> None:
    if probabilities.ndim != 2 or not len(probabilities):
        raise ValueError(f"probabilities must be N×C with N at least 1, not {probabilities.shape}")
    # Written as "is it within", so that NaN is refused as well.
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("probabilities must be in [0, 1]")
    if groups.shape != probabilities.shape[:1]:
        raise ValueError(f"groups must be {len(probabilities)} numbers, not {groups.shape}")
