"""The contracts and what is generated from them."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
BUF = Path(sysconfig.get_path("scripts")) / "buf"


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_generated_code_is_what_protoc_makes(tmp_path):
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    services = [file for file in files if file.endswith("_service.proto")]
    protoc = (sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTO))
    for done in (
        run(*protoc, f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", *files),
        run(*protoc, f"--grpc_python_out={tmp_path}", *services),
    ):
        assert done.returncode == 0, done.stderr
    made = _generated(tmp_path / "synthoscope" / "api")
    kept = _generated(ROOT / "libs" / "synthoscope" / "api")
    assert sorted(kept) == sorted(made)
    different = [name for name, text in made.items() if kept[name] != text]
    assert not different, "run `make proto`"


@pytest.mark.skipif(not BUF.exists(), reason="buf is not installed")
def test_buf_finds_nothing_to_say():
    done = run(str(BUF), "lint", "proto")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not BUF.exists() or shutil.which("git") is None, reason="buf or git is not installed")
def test_the_contracts_break_no_client_of_the_last_commit():
    if run("git", "cat-file", "-e", "HEAD:proto/buf.yaml").returncode:
        pytest.skip("this is no git checkout with a commit that has proto/")
    git = run("git", "rev-parse", "--path-format=absolute", "--git-common-dir").stdout.strip()
    head = run("git", "rev-parse", "HEAD").stdout.strip()
    done = run(str(BUF), "breaking", "proto", "--against", f"{git}#format=git,ref={head},subdir=proto")
    assert done.returncode == 0, done.stdout + done.stderr


def _generated(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.suffix in {".py", ".pyi"} and path.name != "__init__.py"
    }
