"""What a classifier's outputs mean: the loss that fits them, the probabilities they stand for, and what is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from synthoscope.classifier.config import Balance, ClassifierConfig, Output
from synthoscope.datasets.findings import findings_by_label
from synthoscope.metrics.macro_f1 import macro_f1


class Objective(Protocol):
    """How logits N×C are trained and read; labels are the dataset's, int64 N."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """What each output stands for."""

    def losses(self, logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """The loss of each image, N."""

    def correct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """How right each image's prediction is, N, in [0, 1]."""

    def macro_f1(self, logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
        """The mean of F1 over what has images, in [0, 1]."""

    def shown(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which outputs each image has, N×C."""


@dataclass(frozen=True)
class OneOf:
    """One class an image: categorical cross-entropy. `weights`, C, multiply the losses of a class's images."""

    outputs: tuple[str, ...]
    weights: Tensor | None = None

    def losses(self, logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """Cross-entropy, with a share `smoothing` of each target spread over all classes (Szegedy et al. 2016)."""
        losses = F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
        return losses if self.weights is None else losses * self.weights.to(losses.device)[labels]

    def correct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """1 for images whose likeliest class is theirs."""
        return (logits.argmax(1) == labels).float()

    def macro_f1(self, logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
        """Over classes with images."""
        confusion = np.zeros((len(self.outputs), len(self.outputs)), np.int64)
        np.add.at(confusion, (labels, logits.argmax(1)), 1)
        return macro_f1(confusion)

    def shown(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Its class, for each image."""
        return labels[:, None] == np.arange(len(self.outputs))


@dataclass(frozen=True)
class AnyOf:
    """Any number of findings an image: binary cross-entropy of each. `targets` has those of each label, labels×C."""

    outputs: tuple[str, ...]
    targets: Tensor

    def losses(self, logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean over findings; `smoothing` draws targets towards one half."""
        targets = self.targets.to(logits.device)[labels] * (1.0 - smoothing) + smoothing / 2
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=1)

    def correct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The share of an image's findings that are right."""
        return ((logits > 0) == (self.targets.to(logits.device)[labels] > 0)).float().mean(dim=1)

    def shown(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The findings of each image."""
        found: NDArray[np.bool_] = self.targets.numpy()[labels] > 0
        return found

    def macro_f1(self, logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
        """Over findings that an image has, at a probability of one half; 0 when none has any."""
        shown, found = self.shown(labels), logits > 0
        # Counted here: scikit-learn takes a single finding, N×1, for two classes.
        support = shown.sum(axis=0)
        scores = 2 * (shown & found).sum(axis=0) / np.maximum(support + found.sum(axis=0), 1)
        return float(scores[support > 0].mean()) if support.any() else 0.0


def objective_of(config: ClassifierConfig, labels: Sequence[str], counts: NDArray[np.int64]) -> Objective:
    """The objective of a configuration for a dataset's labels, with how many training images each has.

    Raises FailedPrecondition when the output is findings and the labels name none, or all of them the same one.
    """
    if config.output is Output.FINDINGS:
        outputs, named = findings_by_label(labels, config.no_finding)
        return AnyOf(outputs, torch.tensor(named, dtype=torch.float32))
    if config.class_balance is not Balance.WEIGHTED_LOSS:
        return OneOf(tuple(labels))
    weights = counts.sum() / (len(counts) * np.maximum(counts, 1))
    return OneOf(tuple(labels), torch.tensor(weights, dtype=torch.float32))
