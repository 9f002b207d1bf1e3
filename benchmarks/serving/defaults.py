"""What each default of our server costs: one is left out at a time, where that can be done.

Nothing can leave out tokens, metrics, the audit trail, the processes that decode, or what a version brings with it
(strangeness, calibration, prediction sets). The Open Inference Protocol does what `Diagnose` does and stores neither
image nor answer; asked with pixels it does not decode either.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.serving.asking import bearing, diagnoses, inference
from benchmarks.serving.computing import pixels
from benchmarks.serving.measuring import Row, measured
from benchmarks.serving.models import Published
from synthoscope.local.stack import running
from synthoscope.local.state import StackState

CALLERS = (1, 32)
SERVER = "synthoscope, without "

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "a second decoder": {"SYNTHOSCOPE_DECODING__PROCESSES": "1"},
}
"""What is left out by a setting."""


def without_storing(stack: StackState, served: Published, pictures: Sequence[bytes], seconds: float) -> list[Row]:
    """Rows by the Open Inference Protocol, of a stack that runs."""
    side = served.model.side
    decoded = [pixels(picture, side).tobytes() for picture in pictures]
    opened = partial(inference, stack.endpoints["classification"], served.model.name, metadata=bearing(stack.token))
    named: Row = {"model": served.model.name, "server": f"{SERVER}storing"}
    files = partial(opened, "files", "BYTES", [1], pictures)
    rows = measured(named, files, seconds, CALLERS)
    named["server"] = f"{SERVER}storing and decoding"
    images = partial(opened, "images", "UINT8", [1, side, side, 3], decoded)
    return rows + measured(named, images, seconds, CALLERS)


def by_settings(home: Path, models: Sequence[Published], pictures: Sequence[bytes], seconds: float) -> list[Row]:
    """Rows of the stack in `home`, started once for each of SETTINGS."""
    rows: list[Row] = []
    for left_out, variables in SETTINGS.items():
        with _environment(variables), running(home) as stack:
            for served in models:
                opened = partial(diagnoses, stack.endpoints["classification"], stack.token, served.version, pictures)
                named: Row = {"model": served.model.name, "server": f"{SERVER}{left_out}"}
                rows += measured(named, opened, seconds, CALLERS)
    return rows


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables that what is started in the block finds."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name)
        os.environ.update(before)
