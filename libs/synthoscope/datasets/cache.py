"""Decoded pixels, and what is computed of them, on the local disk: made once by whoever asks first, shared, bounded.

Every file has two locks beside it. One is of its maker alone, for which others who want it made wait. The other is held
by its maker and its readers together, by these for as long as they have the pixels, and only a file that nobody holds
is removed. One lock for both would let whoever waits to make it wait for those who read it. The system lets go of a
lock when its process ends, however it ends.
"""

import errno
import fcntl
import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from synthoscope.rpc.errors import ResourceExhausted

MappedArray = np.memmap[Any, np.dtype[Any]]

MOST_BYTES = 20 * 1024**3

T = TypeVar("T", bound=np.generic)

_HOLDERS = ".lock"

log = structlog.get_logger()


@dataclass(frozen=True)
class PixelCache:
    """Arrays below a folder, `most_bytes` in all; for more, those used longest ago are removed.

    Only what is in use at the same time may go beyond the bound.
    """

    folder: Path
    most_bytes: int = MOST_BYTES

    def get(
        self,
        name: str,
        shape: tuple[int, ...],
        fill: Callable[[NDArray[T]], None],
        dtype: type[T] = np.uint8,  # type: ignore[assignment]  # what T is when it is left out
    ) -> NDArray[T]:
        """The array of that name (a relative path), read only, from a file that `fill` filled when it was new.

        Processes and threads that ask at the same time wait for the one that fills it. Raises what `fill` raises, and
        nothing is kept then; ResourceExhausted when the disk has no room.
        """
        file = self.folder / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        while True:
            lock = _lock(file.with_suffix(_HOLDERS), fcntl.LOCK_SH)
            try:
                os.utime(file)  # so that the time of its last change tells when it was last used
                pixels = np.load(file, mmap_mode="r")
            except FileNotFoundError:
                os.close(lock)
            else:
                weakref.finalize(pixels, os.close, lock)
                return pixels
            with _held(file.with_suffix(".making"), fcntl.LOCK_EX):
                if not file.exists():
                    with _held(file.with_suffix(_HOLDERS), fcntl.LOCK_SH):
                        self._make(file, shape, fill, dtype)

    def _make(self, file: Path, shape: tuple[int, ...], fill: Callable[[NDArray[T]], None], dtype: type[T]) -> None:
        partial = file.with_suffix(".partial")
        try:
            with _held(self.folder / "room.lock", fcntl.LOCK_EX):
                partial.unlink(missing_ok=True)
                self._make_room(int(np.prod(shape)) * np.dtype(dtype).itemsize)
                pixels = _allocate(partial, shape, dtype)
            fill(pixels)
            pixels.flush()
            del pixels
            os.replace(partial, file)
        finally:
            partial.unlink(missing_ok=True)

    def _make_room(self, needed: int) -> None:
        files = [(info.st_mtime, info.st_size, file) for file, info in _files(self.folder)]
        total = needed + sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if total <= self.most_bytes:
                return
            if _remove(file):
                total -= size
        if total > self.most_bytes:
            log.warning("cache.over_its_bound", bytes=total, most_bytes=self.most_bytes)


def _allocate(partial: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> MappedArray:
    """A new file's array, its place on the disk taken: writing to a mapped file on a full disk kills the process."""
    pixels: MappedArray = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
    try:
        with partial.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, partial.stat().st_size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise ResourceExhausted(
            f"the cache has no room for {pixels.nbytes / 1e6:.0f} MB of pixels: free some disk, or move it by "
            "SYNTHOSCOPE_CACHE_DIR"
        ) from error
    return pixels


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for file in (*folder.rglob("*.npy"), *folder.rglob("*.partial")):
        try:
            yield file, file.stat()
        except FileNotFoundError:  # another process has just removed or renamed it
            continue


def _remove(file: Path) -> bool:
    """Removes a file unless it is in use; returns whether it did."""
    try:
        lock = _lock(file.with_suffix(_HOLDERS), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        file.unlink(missing_ok=True)
    finally:
        os.close(lock)
    return True


@contextmanager
def _held(file: Path, how: int) -> Iterator[None]:
    lock = _lock(file, how)
    try:
        yield
    finally:
        os.close(lock)


def _lock(file: Path, how: int) -> int:
    """The descriptor that holds a lock until it is closed. Raises BlockingIOError if asked not to wait."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with ExitStack() as undo:
        undo.callback(os.close, descriptor)
        fcntl.flock(descriptor, how)
        undo.pop_all()
    return descriptor
