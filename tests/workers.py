"""Several gloo workers on loopback, each a process of its own with one thread."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from synthoscope.training.parallel import World


def run_workers(function: Callable[..., Any], size: int, *arguments: Any) -> Any:
    """Calls `function(world, *arguments)` in `size` processes and returns what that of rank 0 returned.

    The function must be importable by name, as a test module's own are. An exception in a worker is raised here.
    """
    results = mp.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as directory:
        rendezvous = Path(directory, "rendezvous")  # a file, since a free port may be taken before it is used
        workers = mp.spawn(_work, (size, rendezvous, results, function, arguments), nprocs=size, join=False)
        # Rank 0 sends before the last barrier, so an empty queue means that some worker failed: join says how.
        while results.empty():
            if workers.join(timeout=0.1):
                break
        result = results.get()
        while not workers.join():
            pass
    return result


def _work(
    rank: int, size: int, rendezvous: Path, results: Any, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=size)
    result = function(World(rank, size), *arguments)
    if rank == 0:
        results.put(result)
    dist.barrier()
    dist.destroy_process_group()
    # Threads of gloo's that outlive the group now and then abort an interpreter that is being torn down.
    os._exit(0)
