"""Checkpoints in the object store: tensors first, then a manifest that makes them visible."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import safetensors
import safetensors.torch
import structlog
from torch import Tensor

from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, NotFound
from synthoscope.training.callbacks import Checkpoint

log = structlog.get_logger()

TENSORS, MANIFEST = "tensors.safetensors", "manifest.json"


class DamagedCheckpoint(DataLoss):
    """A checkpoint's bytes are not what was stored, or its tensors are not those of the networks to be resumed."""


@dataclass(frozen=True)
class CheckpointStore:
    """The checkpoints of one run, below a key prefix; the newest `keep` are kept.

    A damaged checkpoint is moved to `{prefix}/damaged/step-…`, where `reason.txt` says what is wrong with it, and
    `on_damage` is told. The one before it is taken, so that at least two must be kept.
    """

    objects: ObjectStore
    prefix: str
    keep: int = 2
    on_damage: Callable[[str], None] = lambda _: None

    def save(self, checkpoint: Checkpoint) -> None:
        """Stores a checkpoint and removes those it supersedes."""
        folder = self._folder(checkpoint.step)
        tensors = safetensors.torch.save(_contiguous(checkpoint.tensors))
        contents = {
            "step": checkpoint.step,
            "state": dict(checkpoint.state),
            "tensors_sha256": hashlib.sha256(tensors).hexdigest(),
        }
        manifest = {"contents": contents, "sha256": _sha256(contents)}
        self.objects.put(f"{folder}/{TENSORS}", tensors)
        self.objects.put(f"{folder}/{MANIFEST}", json.dumps(manifest).encode())
        for step in self.steps()[: -self.keep]:
            self._remove(folder=self._folder(step))

    def steps(self) -> list[int]:
        """Steps of the checkpoints that were stored whole, ascending."""
        return _steps(self.objects, self.prefix)

    def load_latest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole; None when none was ever stored. Damaged ones are set aside.

        Raises DataLoss when there are only damaged ones.
        """
        for step in reversed(self.steps()):
            try:
                return self.load(step)
            except DamagedCheckpoint as error:
                self.set_aside(step, error.message)
        damaged = _steps(self.objects, self._damaged)
        if damaged:
            shown = ", ".join(map(str, damaged))
            raise DataLoss(
                f"no whole checkpoint is left to go on from: those of step {shown} are damaged and lie below "
                f"{self._damaged}; start the training again"
            )
        return None

    def load(self, step: int) -> Checkpoint:
        """One checkpoint. Raises DamagedCheckpoint when it is not what was stored."""
        folder = self._folder(step)
        try:
            tensors = self.objects.get(f"{folder}/{TENSORS}")
            contents = _contents(self.objects.get(f"{folder}/{MANIFEST}"))
            if hashlib.sha256(tensors).hexdigest() != contents["tensors_sha256"]:
                raise DamagedCheckpoint(f"the tensors of step {step} do not have their SHA-256")
            return Checkpoint(contents["step"], safetensors.torch.load(tensors), contents["state"])
        except NotFound as error:
            raise DamagedCheckpoint(f"step {step} is not all there: {error.message}") from error
        except (ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
            raise DamagedCheckpoint(f"the manifest or tensors of step {step} cannot be read") from error

    def set_aside(self, step: int, reason: str) -> None:
        """Moves a checkpoint to where a person can look at it, and no run goes on from it. May be done twice."""
        log.error("checkpoint.damaged", prefix=self.prefix, step=step, reason=reason, moved_to=self._damaged)
        self.on_damage(f"the checkpoint of step {step} is damaged and was set aside: {reason}")
        source, target = self._folder(step), _folder(self._damaged, step)
        self.objects.put(f"{target}/reason.txt", reason.encode())
        for name in (TENSORS, MANIFEST):
            try:
                self.objects.put(f"{target}/{name}", self.objects.get(f"{source}/{name}"))
            except NotFound:  # that is what is wrong with it, or another worker was faster
                continue
        self._remove(source)

    @property
    def _damaged(self) -> str:
        return f"{self.prefix}/damaged"

    def _remove(self, folder: str) -> None:
        self.objects.delete(f"{folder}/{MANIFEST}")
        self.objects.delete(f"{folder}/{TENSORS}")

    def _folder(self, step: int) -> str:
        return _folder(self.prefix, step)


def _folder(prefix: str, step: int) -> str:
    return f"{prefix}/step-{step:09d}"


def _steps(objects: ObjectStore, prefix: str) -> list[int]:
    """Steps of what is below a prefix and has a manifest, ascending."""
    infos = objects.list(f"{prefix}/step-")
    return sorted(
        int(info.key.split("/step-")[-1].split("/")[0]) for info in infos if info.key.endswith(f"/{MANIFEST}")
    )


def _contents(manifest: bytes) -> dict[str, Any]:
    """What a manifest says. Raises DamagedCheckpoint, ValueError, KeyError or TypeError when it is damaged."""
    values = json.loads(manifest)
    if "contents" not in values:  # as written until November 2026
        return dict(values)
    contents: dict[str, Any] = values["contents"]
    if _sha256(contents) != values["sha256"]:
        raise DamagedCheckpoint("the manifest does not have its SHA-256")
    return contents


def _sha256(contents: Mapping[str, Any]) -> str:
    # JSON gives back the numbers and the order of what it was given, so the text is the same again.
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies on the CPU: safetensors refuses views and shared memory."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
