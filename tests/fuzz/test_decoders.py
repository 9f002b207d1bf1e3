"""Long proof: the decoders survive coverage-guided fuzzing."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import corpus

EXECUTIONS = {"image": 100_000, "dicom": 100_000}
ACCEPTED = {"image": 0.1, "dicom": 0.0}
"""Share of the inputs that must be images in the end: fuzzing that is refused at the door tests nothing behind it."""

TARGETS = Path(__file__).with_name("decoders.py")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="needs atheris, which has wheels for Linux on x86-64 only"
)
@pytest.mark.parametrize("target", EXECUTIONS)
def test_no_input_crashes_or_hangs_a_decoder(target: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    seeds = tmp_path / "corpus"
    seeds.mkdir()
    count = corpus.write(seeds, target)
    options = [f"-runs={EXECUTIONS[target]}", "-timeout=20", "-rss_limit_mb=4096", "-max_len=16384", "-seed=1"]
    done = subprocess.run(
        [sys.executable, str(TARGETS), target, str(seeds), *options, f"-artifact_prefix={tmp_path}/"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    ended = re.search(r"Done (\d+) runs in (\d+) second", done.stderr)
    assert ended, done.stderr[-4000:]
    coverage = re.findall(r"cov: (\d+) ft: (\d+)", done.stderr)
    accepted, executed = map(int, re.findall(r"accepted (\d+) of (\d+)", done.stderr)[-1])
    with capsys.disabled():
        print(f"{target}: {ended[1]} executions in {ended[2]} s from {count} seeds")
        print(f"{target}: coverage (branches, features) {coverage[0]} to {coverage[-1]}")
        print(f"{target}: {accepted} of {executed} were accepted")
    assert accepted / executed > ACCEPTED[target]
    assert int(ended[1]) >= EXECUTIONS[target]
    assert int(coverage[-1][0]) > int(coverage[0][0])
