"""What a run trains, in which steps: one generator over all images, or one per class, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthoscope.gan.config import Conditioning, GanConfig
from synthoscope.rpc.errors import FailedPrecondition


@dataclass(frozen=True)
class Part:
    """One generator's share of a run.

    `label` is the class it learns, empty for all; `rows` are its images' positions, int64. It is trained in the steps
    [first_step, end_step) of the run, `steps_per_epoch` for each pass; images left over by a pass are not used in it.
    """

    index: int
    label: str
    rows: NDArray[np.int64]
    first_step: int
    end_step: int
    steps_per_epoch: int

    def progress(self, step: int) -> float:
        """The share of its steps that is done before one of them, in [0, 1)."""
        return (step - self.first_step) / (self.end_step - self.first_step)


def plan(config: GanConfig, labels: NDArray[np.int64], classes: Sequence[str]) -> tuple[Part, ...]:
    """The parts of a run, in order. Raises FailedPrecondition when a part has fewer images than a batch."""
    counts = {name: int(np.sum(labels == number)) for number, name in enumerate(classes)}
    check_counts(config, counts)
    if config.conditioning is Conditioning.PER_CLASS:
        groups = [(name, np.flatnonzero(labels == number)) for number, name in enumerate(classes)]
    else:
        groups = [("", np.arange(len(labels)))]
    parts: list[Part] = []
    for label, rows in groups:
        first = parts[-1].end_step if parts else 0
        steps_per_epoch = len(rows) // config.batch_size
        end = first + config.epochs_of(label) * steps_per_epoch
        parts.append(Part(len(parts), label, rows, first, end, steps_per_epoch))
    return tuple(parts)


def check_counts(config: GanConfig, counts: Mapping[str, int]) -> None:
    """Raises FailedPrecondition when training images, counted by class, are too few for a batch or a class has none.

    Also when the configuration gives epochs for a class that is not there.
    """
    empty = sorted(name for name, count in counts.items() if count == 0)
    if empty or not counts:
        raise FailedPrecondition(f"the training split has no images of {', '.join(empty) or 'any class'}")
    unknown = sorted(set(config.class_epochs) - set(counts))
    if unknown:
        known = ", ".join(counts)
        raise FailedPrecondition(f"config.class_epochs names {unknown[0]}, which is no class; these are: {known}")
    groups = counts if config.conditioning is Conditioning.PER_CLASS else {"": sum(counts.values())}
    for label, count in groups.items():
        if count < config.batch_size:
            where = f"class {label} of the training split" if label else "the training split"
            raise FailedPrecondition(f"{where} has {count} images, fewer than config.batch_size, {config.batch_size}")
