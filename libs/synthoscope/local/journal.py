"""What the log files of the stack tell: last lines, following, and how often supervisor started a process again."""

import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SPAWNED = re.compile(r"spawned: '(?P<name>[\w-]+)' with pid")
_EXITED = re.compile(r"exited: (?P<name>[\w-]+) \((?P<how>[^;)]*)")
_STARTED = re.compile(r"supervisord started with pid")


@dataclass(frozen=True)
class History:
    """Since supervisor started: how often a process was started again, and how it ended last ("" if it never did)."""

    restarts: int = 0
    last_exit: str = ""


def history(supervisor_log: Path) -> dict[str, History]:
    """Of each process that was ever started, by name, from supervisor's log."""
    found: dict[str, History] = {}
    if not supervisor_log.exists():
        return found
    with supervisor_log.open(errors="replace") as lines:
        for line in lines:
            if _STARTED.search(line):
                found.clear()
            elif match := _SPAWNED.search(line):
                earlier = found.get(match["name"], History(restarts=-1))
                found[match["name"]] = History(earlier.restarts + 1, earlier.last_exit)
            elif (match := _EXITED.search(line)) and match["name"] in found:
                found[match["name"]] = History(found[match["name"]].restarts, match["how"])
    return found


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, without line ends; none when there is no file."""
    if not path.exists():
        return []
    with path.open(errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, maxlen=lines)]


def follow(path: Path, lines: int) -> Iterator[str]:
    """The last lines of a log, then every line that is added, for ever; also after the log was rotated."""
    yield from tail(path, lines)
    position, inode = (path.stat().st_size, path.stat().st_ino) if path.exists() else (0, 0)
    while True:
        time.sleep(0.2)
        if not path.exists():
            continue
        found = path.stat()
        if found.st_ino != inode or found.st_size < position:
            position, inode = 0, found.st_ino
        with path.open("rb") as file:
            file.seek(position)
            fresh = file.read()
        # A line that is not whole yet waits for its end.
        whole = fresh[: fresh.rfind(b"\n") + 1]
        position += len(whole)
        yield from whole.decode(errors="replace").splitlines()
