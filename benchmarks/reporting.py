"""What every benchmark prints last: one JSON line with all that was measured and whether targets were met."""

import json
import operator
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from synthoscope.hardware import processor_name

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Target:
    """What was asked for: `value` is measured, `op` one of OPERATORS, `target` the bound."""

    name: str
    value: float
    op: str
    target: float

    @property
    def ok(self) -> bool:
        """Whether it was met."""
        return OPERATORS[self.op](self.value, self.target)


def code_version() -> str:
    """The checkout's commit, "-dirty" when files differ from it; the package's version outside of a checkout."""
    if (git := shutil.which("git")) is None:
        return version("synthoscope")
    told = [git, "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(told, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    return found.stdout.strip() or version("synthoscope")


def publish(
    benchmark: str, rows: Sequence[Mapping[str, object]], targets: Sequence[Target], packages: Sequence[str] = ()
) -> None:
    """Prints the report as one line, and writes it to the file that the command line names with `--out`, if any.

    `rows` hold every figure measured; `packages` are distributions whose versions matter. A missed target is reported
    and does not change the exit status.
    """
    report = {
        "benchmark": benchmark,
        "code_version": code_version(),
        "machine": {"system": platform.platform(), "processor": processor_name(), "cpus": len(os.sched_getaffinity(0))},
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
        "rows": list(rows),
        "targets": [asdict(target) | {"ok": target.ok} for target in targets],
    }
    line = json.dumps(report)
    if "--out" in sys.argv:
        Path(sys.argv[sys.argv.index("--out") + 1]).write_text(f"{line}\n")
    print(line)
