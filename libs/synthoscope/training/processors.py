"""How a process computes on processors."""

import ctypes
import sys

import torch

_TRIM_THRESHOLD, _MOST_MAPPINGS = -1, -4  # of glibc's malloc.h: M_TRIM_THRESHOLD, M_MMAP_MAX
_NEVER = 2**31 - 1


def compute_with(threads: int) -> None:
    """Lets PyTorch compute with so many threads in this process, which keeps the memory that it frees."""
    torch.set_num_threads(threads)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Tells the C library to use freed memory again; whether it is one that can be told (glibc).

    Else it gives large pieces back at once, and the kernel clears them page by page when they are asked for again: in a
    training step, of tens of megabytes for each layer, that takes as long as the convolutions. Numbers stay the same,
    and so does the most memory that a process has; it gives it back when it ends.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return bool(library.mallopt(_MOST_MAPPINGS, 0) and library.mallopt(_TRIM_THRESHOLD, _NEVER))
