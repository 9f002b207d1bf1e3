"""How a training loop speaks to its surroundings, so that it knows neither Ray nor stores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch


@dataclass(frozen=True)
class Report:
    """Where a loop stands: optimiser steps done and in all, images seen so far over all workers, and latest metrics.

    `remark` is what the owner of the run should know of it now; empty for nothing new.
    """

    step: int
    total_steps: int
    images_seen: int
    metrics: Mapping[str, float]
    remark: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """All that a loop needs to go on bit-identically: named tensors (weights, moments) and JSON-able state."""

    step: int
    tensors: Mapping[str, torch.Tensor]
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """Something to look at: uint8 pixels, H×W×3; the class it shows, empty for none."""

    pixels: np.ndarray
    label: str = ""


class LoopCallbacks(Protocol):
    """What a loop calls. Every worker calls `should_stop` at every step; only rank 0 calls the others."""

    def on_report(self, report: Report) -> None:
        """Called after every step with averages over workers; a classifier's come after an epoch, none before."""

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Called when a checkpoint is due."""

    def on_pictures(self, step: int, pictures: list[Picture]) -> None:
        """Called with sample grids."""

    def should_stop(self) -> bool:
        """Whether the loop should raise Cancelled before its next step. The loop makes the workers agree."""


class NoCallbacks:
    """Callbacks that do nothing: the loop runs to its end."""

    def on_report(self, report: Report) -> None:
        """Ignores it."""

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Ignores it."""

    def on_pictures(self, step: int, pictures: list[Picture]) -> None:
        """Ignores them."""

    def should_stop(self) -> bool:
        """Never."""
        return False
