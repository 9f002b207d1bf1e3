"""Files that are read again when they change: secrets are renewed while a server runs."""

from collections.abc import Sequence
from pathlib import Path

_State = tuple[tuple[int, int, int] | None, ...]


class WatchedFiles:
    """A few files, and whether they are others than when they were last asked after."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._seen = self._state()

    def changed(self) -> bool:
        """Whether one was written or replaced since the last time; a file that is not there is another one."""
        state = self._state()
        changed, self._seen = state != self._seen, state
        return changed

    def _state(self) -> _State:
        return tuple(_state_of(path) for path in self._paths)


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
