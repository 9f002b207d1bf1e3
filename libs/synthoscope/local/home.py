"""Where the local stack keeps its files, and how: in its home, and for unix sockets in a folder with a short path."""

import hashlib
import os
from pathlib import Path

from synthoscope.client import default_home
from synthoscope.rpc.errors import FailedPrecondition

_LONGEST_RUNTIME = 36  # Ray puts up to 70 characters after it, and a unix socket's path has at most 107


def home_of(given: Path | None) -> Path:
    """The stack's home as an absolute path: the one given, else where clients look for it."""
    return (given or default_home()).expanduser().resolve()


def stack_id(home: Path) -> str:
    """12 hex digits that stand for a home, so that its processes are found even when its state file is lost."""
    return hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]


def runtime_folder(home: Path) -> Path:
    """Where the stack's unix sockets lie: short, whatever the home's path, for the paths of sockets are limited."""
    temporary = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108
    folder = temporary / f"synthoscope-{stack_id(home)}"
    if len(str(folder)) > _LONGEST_RUNTIME:
        folder = Path("/tmp") / folder.name  # noqa: S108
    return folder


def make_private(folder: Path) -> None:
    """Makes a folder that only its owner can enter. Raises FailedPrecondition if it is another user's or no folder."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise FailedPrecondition(f"{folder} cannot be made: {error.strerror}") from error
    if folder.is_symlink() or found.st_uid != os.getuid():
        raise FailedPrecondition(f"{folder} belongs to someone else; remove it or choose another home")
    folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Replaces a file at once by one that only its owner can read."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    fresh.replace(path)
