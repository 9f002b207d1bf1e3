"""Runs whose number of workers may change, and the record of when it did.

Ray Train replaces a lost group of workers by as many as the cluster then has room for, between a least and a most, and
stops a group for a larger one when there is room again. Every group goes on from the newest checkpoint with the same
global batch, so only the order of sums changes: such a run need not have the bits of an undisturbed one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthoscope.training.callbacks import Checkpoint

_KEY = "workers"
"""In the state of a checkpoint."""


@dataclass(frozen=True)
class WorkerHistory:
    """By how many workers a run was trained: from each step on, as (step, workers), ascending."""

    groups: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, checkpoint: Checkpoint | None) -> "WorkerHistory":
        """What a checkpoint says; nothing for none, and for one from before this was recorded."""
        groups = checkpoint.state.get(_KEY, []) if checkpoint else []
        return cls(tuple((int(step), int(workers)) for step, workers in groups))

    def continued(self, checkpoint: Checkpoint | None, workers: int) -> "WorkerHistory":
        """The history when so many workers go on from a checkpoint, None for the start."""
        if self.groups and self.groups[-1][1] == workers:
            return self
        return WorkerHistory((*self.groups, (checkpoint.step if checkpoint else 0, workers)))

    def added_to(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint's state with this history."""
        return {**state, _KEY: [list(group) for group in self.groups]}

    def remark(self) -> str:
        """What the owner of a run should know when its last group has another size; empty when there was one size."""
        if len(self.groups) < 2:
            return ""
        (_, before), (step, now) = self.groups[-2:]
        return f"{now} instead of {before} workers go on from step {step}: sums have another order from there"

    def as_config(self) -> dict[str, Any]:
        """What to add to the configuration of what was trained; nothing when the number never changed."""
        if len(self.groups) < 2:
            return {}
        return {"worker_history": [{"step": step, "workers": workers} for step, workers in self.groups]}
