"""When a peer's virtual environment is set up, with the installing itself left out."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.serving.peers import environments
from benchmarks.serving.peers.environments import CannotBeHad, python_of, same_as_ours
from benchmarks.serving.peers.running import PEERS

PEER = "mosec"


@pytest.fixture
def commands(monkeypatch):
    """What would have been run; of it, a virtual environment is only a folder."""
    found = []

    def run(command):
        found.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir()

    monkeypatch.setattr(environments, "_run", run)
    return found


def test_what_computes_and_decodes_is_of_our_version(commands, tmp_path):
    python_of(PEER, tmp_path)
    ours = same_as_ours((environments.ROOT / "constraints.txt").read_text())
    assert set(ours) <= set(commands[-1])


def test_a_version_of_ours_that_is_not_pinned_is_an_error():
    with pytest.raises(KeyError, match="onnxruntime"):
        same_as_ours("numpy==2.4.6\n")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_requirements_pin_everything_but_what_is_as_ours(peer):
    pins = dict(line.split("==") for line in environments._pinned(environments.requirements_of(peer.name)))
    assert pins[peer.name] == peer.version
    assert not {name.lower() for name in pins} & set(environments.SAME)


def test_it_is_set_up_once(commands, tmp_path):
    python_of(PEER, tmp_path)
    done = len(commands)
    assert done
    python_of(PEER, tmp_path)
    assert len(commands) == done


def test_it_is_set_up_anew_when_a_pin_changes(commands, tmp_path, monkeypatch):
    python_of(PEER, tmp_path)
    done = len(commands)
    monkeypatch.setattr(environments, "same_as_ours", lambda constraints: ["onnxruntime==9"])
    python_of(PEER, tmp_path)
    assert len(commands) == 2 * done
    assert "onnxruntime==9" in commands[-1]


def test_one_that_could_not_be_installed_says_why_and_is_tried_again(tmp_path, monkeypatch):
    def fail(command, **options):
        raise subprocess.CalledProcessError(1, command, stderr="much\nERROR: no such version\n")

    monkeypatch.setattr(subprocess, "run", fail)
    for _ in range(2):
        with pytest.raises(CannotBeHad, match="ERROR: no such version"):
            python_of(PEER, tmp_path)
