"""What each arm of an experiment learns."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from synthoscope.api.experiments.v1.experiments_pb2 import Arm as ArmMessage
from synthoscope.classifier.data import LabelledPixels
from synthoscope.rpc.errors import FailedPrecondition
from synthoscope.training.randomness import numpy_generator


class Arm(StrEnum):
    """The arms, by what they are called; the contract says what each one is."""

    REAL = "real"
    AUGMENTED = "real + augmentation"
    DUPLICATED = "real twice"
    SYNTHETIC = "real + synthetic"
    FILTERED = "real + filtered synthetic"
    BALANCED = "real, balanced with synthetic"
    SYNTHETIC_ONLY = "synthetic only"
    ORACLE = "real + more real"

    @classmethod
    def of(cls, message: ArmMessage) -> "Arm":
        """The arm of a contract's value. Raises KeyError for one that is not known here."""
        return cls[ArmMessage.Name(message).removeprefix("ARM_")]

    @property
    def message(self) -> ArmMessage:
        """The contract's value."""
        number: ArmMessage = ArmMessage.Value(f"ARM_{self.name}")  # type: ignore[assignment]
        return number


@dataclass(frozen=True)
class Material:
    """What a fraction's arms are made of: real images to learn from, further real ones, synthetic and filtered ones."""

    real: LabelledPixels
    further: LabelledPixels | None = None
    synthetic: LabelledPixels | None = None
    filtered: LabelledPixels | None = None


@dataclass(frozen=True)
class Composition:
    """An arm's training images, of which the first `real` are real."""

    images: LabelledPixels
    real: int


def compose(arm: Arm, ratio: float, material: Material, seed: int) -> Composition:
    """The training images of an arm; what is drawn for it depends on the seed, and is the same for every ratio's part.

    Synthetic images are drawn in the proportions of the real classes. Raises FailedPrecondition when there are too few
    of a class, naming it.
    """
    real = material.real
    added = _added(arm, ratio, material, seed)
    if arm is Arm.SYNTHETIC_ONLY:
        return Composition(_of(added, "no synthetic images"), 0)
    if added is None:
        return Composition(real, len(real))
    return Composition(real.join(added), len(real) + (len(added) if arm in (Arm.DUPLICATED, Arm.ORACLE) else 0))


def _added(arm: Arm, ratio: float, material: Material, seed: int) -> LabelledPixels | None:
    real = material.real
    counts = np.bincount(real.labels)
    match arm:
        case Arm.DUPLICATED:
            return real
        case Arm.SYNTHETIC:
            wanted = np.floor(counts * ratio + 0.5).astype(np.int64)
            return _drawn(material.synthetic, wanted, seed, "synthetic")
        case Arm.FILTERED:
            return _drawn(material.filtered, counts, seed, "filtered synthetic")
        case Arm.BALANCED:
            return _drawn(material.synthetic, counts.max() - counts, seed, "synthetic")
        case Arm.SYNTHETIC_ONLY:
            return _drawn(material.synthetic, counts, seed, "synthetic")
        case Arm.ORACLE:
            return _of(material.further, "no further real images")
    return None


def _drawn(pool: LabelledPixels | None, wanted: NDArray[np.int64], seed: int, kind: str) -> LabelledPixels:
    pool = _of(pool, f"no {kind} images")
    rows = []
    for label, count in enumerate(wanted.tolist()):
        members = np.flatnonzero(pool.labels == label)
        if len(members) < count:
            raise FailedPrecondition(
                f"there are {len(members)} {kind} images of class {label}, and {count} are needed; generate more"
            )
        rows.append(numpy_generator(seed, "arm", kind, label).permutation(members)[:count])
    return pool.take(np.sort(np.concatenate(rows)))


def _of(pool: LabelledPixels | None, absent: str) -> LabelledPixels:
    if pool is None:
        raise FailedPrecondition(f"there are {absent}")
    return pool
