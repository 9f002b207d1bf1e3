"""Checkpoints in the object store: tensors first, then a manifest that makes them visible."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import safetensors
import safetensors.torch
import structlog
from torch import Tensor

from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, NotFound
from synthoscope.training.callbacks import Checkpoint

log = structlog.get_logger()


@dataclass(frozen=True)
class CheckpointStore:
    """The checkpoints of one run, below a key prefix; the newest `keep` are kept."""

    objects: ObjectStore
    prefix: str
    keep: int = 2

    def save(self, checkpoint: Checkpoint) -> None:
        """Stores a checkpoint and removes those it supersedes."""
        folder = self._folder(checkpoint.step)
        tensors = safetensors.torch.save(_contiguous(checkpoint.tensors))
        manifest = {
            "step": checkpoint.step,
            "state": dict(checkpoint.state),
            "tensors_sha256": hashlib.sha256(tensors).hexdigest(),
        }
        self.objects.put(f"{folder}/tensors.safetensors", tensors)
        self.objects.put(f"{folder}/manifest.json", json.dumps(manifest).encode())
        for step in self.steps()[: -self.keep]:
            self._remove(step)

    def steps(self) -> list[int]:
        """Steps of the checkpoints that are whole, ascending."""
        infos = self.objects.list(f"{self.prefix}/step-")
        return sorted(
            int(info.key.split("/step-")[-1].split("/")[0]) for info in infos if info.key.endswith("/manifest.json")
        )

    def load_latest(self) -> Checkpoint | None:
        """The newest checkpoint; None when there is none.

        A damaged one is logged and the one before it taken. Raises DataLoss when all are damaged.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self.load(step)
            except (DataLoss, NotFound) as error:
                log.warning("checkpoint.damaged", prefix=self.prefix, step=step, reason=str(error))
        if steps:
            raise DataLoss(f"all checkpoints under {self.prefix} are damaged")
        return None

    def load(self, step: int) -> Checkpoint:
        """One checkpoint. Raises NotFound, or DataLoss when its bytes are not what was stored."""
        folder = self._folder(step)
        tensors = self.objects.get(f"{folder}/tensors.safetensors")
        try:
            manifest = json.loads(self.objects.get(f"{folder}/manifest.json"))
            if hashlib.sha256(tensors).hexdigest() != manifest["tensors_sha256"]:
                raise DataLoss(f"checkpoint {folder} does not have its SHA-256")
            return Checkpoint(manifest["step"], safetensors.torch.load(tensors), manifest["state"])
        except (ValueError, KeyError, safetensors.SafetensorError) as error:
            raise DataLoss(f"checkpoint {folder} cannot be read") from error

    def _remove(self, step: int) -> None:
        folder = self._folder(step)
        self.objects.delete(f"{folder}/manifest.json")
        self.objects.delete(f"{folder}/tensors.safetensors")

    def _folder(self, step: int) -> str:
        return f"{self.prefix}/step-{step:09d}"


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU: safetensors refuses views and shared memory."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
