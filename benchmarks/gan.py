"""GAN training: images a second and peak memory of every preset's step, bare and under Ray Train, and two workers.

- bare and on Ray Train: the same loop in a process of its own and as a job on Ray Train, at 64 px (dcgan-128 at 128),
  two classes, the preset's own batch. They run by turns, a piece of some steps each, so that both see the same
  machine; storing a checkpoint and a sample grid is given apart
- workers: one and two on Ray Train

Every worker has one thread. Threads that wait for others spin, so on a machine that other work shares, figures of
several would say little. The first piece of each is warm-up and left out; the others' medians count. Seconds on the
processors are given too: where they are far below those by the clock, others used the machine. `--quick` takes few
steps of few presets.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.reporting import Target, publish
from synthoscope.gan.presets import PRESETS
from synthoscope.local import stack
from synthoscope.local.environment import of_stack
from synthoscope.local.processes import RAY_STORAGE_KEYS
from synthoscope.local.state import StackState

QUICK = "--quick" in sys.argv
COMPARED = "dcgan-64"
STEPS, PIECES = (1, 3) if QUICK else (3, 5)
STEPS_OF_WORKERS = 5 * STEPS
SECONDS = 3600
SLOWER = 1.03

Row = dict[str, object]


def main() -> None:
    presets = ("r3", COMPARED) if QUICK else tuple(PRESETS)
    rows: list[Row] = []
    slower: list[float] = []
    with (
        tempfile.TemporaryDirectory() as work,
        stack.running(Path(work, "stack"), only=("seaweedfs", "valkey", "ray")) as state,
    ):
        for preset in presets:
            alone, on_ray = by_turns(preset, state, Path(work, f"turns-{preset}"))
            each = ratios(on_ray, alone, "seconds")
            slower += each
            ratio = {
                "times_bare": round(statistics.median(each), 3),
                "each": [round(one, 3) for one in each],
                "processor_times_bare": round(statistics.median(ratios(on_ray, alone, "processor_seconds")), 3),
            }
            rows += [
                {"what": "bare", **row_of(preset, alone)},
                {"what": "Ray Train", **row_of(preset, on_ray), **ratio},
            ]
            print(rows[-1], file=sys.stderr, flush=True)
        for count in (1, 2):
            found = finish(begin(COMPARED, environment_of(state), workers=count, steps=STEPS_OF_WORKERS))
            rows.append({"what": f"Ray Train, {count} worker{'s' * (count > 1)}", **row_of(COMPARED, found)})
    publish(
        "gan",
        [{"load": os.getloadavg(), "cores": len(os.sched_getaffinity(0)), "quick": QUICK}, *rows],
        [
            Target(
                "seconds of a step under Ray Train / bare, median of all presets' pieces",
                round(statistics.median(slower), 3),
                "<=",
                SLOWER,
            )
        ],
        ["torch", "ray"],
    )


def by_turns(preset: str, state: StackState, turns: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the bare loop and the one on Ray Train measured, piece by piece in turn; Ray's is the first."""
    turns.touch()
    on_ray = begin(preset, environment_of(state), workers=1, turns=str(turns), turn=0)
    try:
        alone = finish(begin(preset, turns=str(turns), turn=1))
    except BaseException:
        on_ray.kill()
        raise
    return alone, finish(on_ray)


def begin(
    preset: str,
    environment: Mapping[str, str] | None = None,
    workers: int = 0,
    turns: str = "",
    turn: int = 0,
    steps: int = STEPS,
) -> subprocess.Popen[bytes]:
    values = {"preset": preset, "steps": steps, "pieces": PIECES}
    values |= {"workers": workers, "turns": turns, "turn": turn}
    command = [sys.executable, "-m", "benchmarks.gan_pieces", json.dumps(values)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment and dict(environment))


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=SECONDS)
    if process.returncode:
        raise RuntimeError(f"{process.args!r} failed")
    # Ray's workers may print lines of their own behind the answer.
    (answer,) = (line for line in output.splitlines() if line.startswith(b'{"pieces"'))
    return dict(json.loads(answer))


def environment_of(state: StackState) -> dict[str, str]:
    """What a job's process has."""
    storage = state.ray_storage
    keys = (storage.access_key, storage.secret_key.get_secret_value())
    return of_stack(state) | dict(zip(RAY_STORAGE_KEYS, keys, strict=True))


def ratios(found: Mapping[str, Any], other: Mapping[str, Any], which: str) -> Sequence[float]:
    """Of the seconds that each piece took in one and in the other."""
    return [ours / theirs for ours, theirs in zip(seconds_of(found, which), seconds_of(other, which), strict=True)]


def seconds_of(found: Mapping[str, Any], which: str = "seconds") -> Sequence[float]:
    """Of each piece after the first."""
    return [piece[which] for piece in found["pieces"][1:]]


def row_of(preset: str, found: Mapping[str, Any]) -> Row:
    images = found["steps"] * found["batch_size"]
    rest = {name: round(value, 3) for name, value in found.items() if name.endswith("_seconds")}
    return {
        "preset": preset,
        "image_size": found["image_size"],
        "batch_size": found["batch_size"],
        "steps": found["steps"] * (len(found["pieces"]) - 1),
        "images_per_second": round(images / statistics.median(seconds_of(found)), 2),
        "images_per_processor_second": round(images / statistics.median(seconds_of(found, "processor_seconds")), 2),
        "peak_mebibytes": found["peak_mebibytes"],
        **rest,
    }


if __name__ == "__main__":
    main()
