"""Data parallelism over torch.distributed: every worker takes its slice of the global batch, gradients are averaged.

Gradients are averaged explicitly instead of by DistributedDataParallel's hooks: the losses of a GAN go through two
networks in one step, and gradient penalties differentiate twice, which those hooks do not allow.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

LONGEST_WAIT = timedelta(hours=1)
"""How long workers wait for the first one's own work. Whoever runs them notices a worker that died much sooner."""


@dataclass(frozen=True)
class World:
    """This worker's place among all: rank in [0, size)."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this worker reports and stores."""
        return self.rank == 0

    def slice(self, global_batch: int) -> slice:
        """This worker's part of a global batch, which must be a multiple of the size."""
        local = global_batch // self.size
        return slice(self.rank * local, (self.rank + 1) * local)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its mean over the workers."""
        if self.size == 1:
            return
        self.average_tensors([parameter.grad for parameter in parameters if parameter.grad is not None])

    def average_tensors(self, tensors: Sequence[Tensor]) -> None:
        """Replaces every tensor by its mean over the workers; there must be at least one."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def average(self, metrics: Mapping[str, Tensor]) -> dict[str, float]:
        """The mean of scalar metrics over the workers."""
        values = torch.stack([value.detach().float().cpu() for value in metrics.values()])
        if self.size > 1:
            dist.all_reduce(values)
            values /= self.size
        return dict(zip(metrics, values.tolist(), strict=True))

    def any(self, flag: bool) -> bool:
        """Whether the flag is up on any worker; all of them get the same answer."""
        if self.size == 1:
            return flag
        flags = torch.tensor([float(flag)])
        dist.all_reduce(flags)
        return bool(flags.item() > 0)

    @contextmanager
    def first_works(self) -> Iterator[bool]:
        """Work of the first worker alone, to which this gives True; the others wait for its end at the block's end.

        They wait longer than for a step's sums, whose time limit is that of the process group.
        """
        if self.size == 1:
            yield True
            return
        group = dist.new_group(backend="gloo", timeout=LONGEST_WAIT)
        yield self.is_first
        dist.barrier(group)
        dist.destroy_process_group(group)
