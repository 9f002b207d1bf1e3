"""The shape that the design gives the repository."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 400
SERVICES = ("training", "synthesis", "classification", "explanation", "tuning")
SERVICERS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "services").glob("*/*servicer.py")
)

IMPORT_ALL = """
import importlib, pkgutil, sys
import synthoscope
for module in pkgutil.walk_packages(synthoscope.__path__, "synthoscope."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(*sys.modules)
"""


def modules_after(code):
    """The top-level modules that a fresh interpreter has loaded after some code; the code's last line prints them."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_imports_only_go_down():
    linter = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def test_the_library_loads_no_ray():
    assert "ray" not in modules_after(IMPORT_ALL)


@pytest.mark.parametrize("servicer", SERVICERS)
def test_a_servicer_loads_neither_torch_nor_ray(servicer):
    assert not modules_after(f"import sys, {servicer}; print(*sys.modules)") & {"torch", "ray"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service):
    rooms = {path.name for path in (ROOT / "services" / service).glob("*.py")}
    assert {"__main__.py", "settings.py"} <= rooms
    assert any(room.endswith("servicer.py") for room in rooms)


def test_no_file_is_too_long_to_read():
    folders = ("libs/synthoscope", "libs/synthoscope_ray", "services", "tests", "benchmarks", "charts")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    ours = [path for path in files if not path.is_relative_to(ROOT / "libs" / "synthoscope" / "api")]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in ours}
    assert not {name: count for name, count in lines.items() if count > MOST_LINES}
