"""A virtual environment for each peer: set up when it is first needed, and kept."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".peers"
"""Where they are kept; git ignores it."""

SAME = ("numpy", "onnxruntime", "opencv-python-headless", "pillow")
"""What computes and decodes: of the same version as ours, by constraints.txt."""

_LONGEST = 1200


class CannotBeHad(Exception):
    """Why a peer is not measured."""


def python_of(peer: str, folder: Path = FOLDER) -> Path:
    """The Python that has a peer, set up if there is none of these requirements yet.

    Raises CannotBeHad when it cannot be installed.
    """
    wanted = [*_pinned(requirements_of(peer)), *same_as_ours((ROOT / "constraints.txt").read_text())]
    home = folder / peer
    mark, digest = home / "complete", hashlib.sha256("\n".join(wanted).encode()).hexdigest()
    if not mark.exists() or mark.read_text() != digest:
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
        mark.write_text(digest)
    return home / "bin/python"


def version_of(peer: str) -> str:
    """A peer's version, by its requirements."""
    return dict(line.split("==") for line in _pinned(requirements_of(peer)))[peer]


def requirements_of(peer: str) -> Path:
    """The file of a peer's requirements."""
    return Path(__file__).with_name(f"{peer}.txt")


def same_as_ours(constraints: str) -> list[str]:
    """The pins of SAME among all of ours. Raises KeyError when one is missing: the peer would get another version."""
    pins = {line.partition("==")[0].lower(): line for line in constraints.splitlines() if "==" in line}
    return [pins[package] for package in SAME]


def _pinned(requirements: Path) -> list[str]:
    lines = (line.strip() for line in requirements.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=_LONGEST)
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip() or "without a word").splitlines()[-1]
        raise CannotBeHad(f"cannot be installed: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise CannotBeHad(f"cannot be installed within {_LONGEST} s") from error
