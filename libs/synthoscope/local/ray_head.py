"""Starts the stack's Ray head in place of this process: `python -m synthoscope.local.ray_head ARGUMENTS`.

When a head is killed, its raylet and the programs below it live on and keep its ports for a while. They are ended
first, so that the head which supervisor starts in its place finds the ports free.
"""

import os
import sys

from synthoscope.local import sweep


def main() -> None:
    """Ends what an earlier head of this stack left, then becomes `ray start ARGUMENTS`."""
    marks = {name: os.environ[name] for name in (sweep.STACK_VARIABLE, sweep.PROCESS_VARIABLE)}
    sweep.end(marks, seconds=2.0)
    os.execv(sys.executable, [sys.executable, "-m", "ray.scripts.scripts", "start", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
