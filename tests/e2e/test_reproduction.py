"""Every seed paper's recipe on a real stack: made-up images, a budget of minutes."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synthoscope.cli.app import app
from synthoscope.local.stack import running
from synthoscope.local.state import StackState
from synthoscope.reproduction.seeds import SEEDS

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(1800)]

MOST_SECONDS = 600


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackState]:
    """A stack of its own that runs three jobs at a time: most of their time here goes to starting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHOSCOPE_RAY__MAX_RUNNING_JOBS", "3")
        patch.setenv("SYNTHOSCOPE_RAY__WORKER_THREADS", "1")
        with running(tmp_path_factory.mktemp("stack")) as state:
            yield state


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recipe_runs_from_end_to_end_and_is_found_again(
    seed: str, stack: StackState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHOSCOPE_HOME", str(stack.home))
    command = ["reproduce", seed, "--budget", "1", "--out", str(tmp_path), "--json"]
    began = time.monotonic()
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    seconds = time.monotonic() - began
    print(f"{seed}: {seconds:.0f} s")
    assert seconds <= MOST_SECONDS
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / f"{seed}.json").read_text())
    assert found["made_up_images"]
    measured = [row["done_right"]["figures"] for row in found["rows"] if isinstance(row["done_right"], dict)]
    assert measured
    assert all(-1 <= figure <= 1 for figures in measured for figure in figures)
    page = (tmp_path / f"{seed}.html").read_text()
    assert "scaled to 1 minutes" in page
    assert "On made-up images" in page
    again = json.loads(CliRunner().invoke(app, command).stdout)
    assert again["made"] == found["made"]
