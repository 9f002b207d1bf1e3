"""The commands, against the real servicer over real gRPC."""

import json
import zipfile

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from services.training.servicer import TrainingServicer
from synthoscope.api.training.v1.training_service_pb2_grpc import add_TrainingServiceServicer_to_server
from synthoscope.classifier.pretrained import uploads
from synthoscope.cli import weights
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server


@pytest.fixture
def objects():
    return InMemoryObjectStore()


def run(*arguments):
    done = CliRunner().invoke(weights.app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def server(objects, monkeypatch):
    servicer = TrainingServicer(objects, Jobs(objects, InMemoryJobStore()))
    name = "synthoscope.api.training.v1.TrainingService"
    with running_server([Registration(name, add_TrainingServiceServicer_to_server, servicer)]) as server:
        monkeypatch.setenv("SYNTHOSCOPE_CLIENT_TOKEN", server.token)
        monkeypatch.setenv("SYNTHOSCOPE_CLIENT_ENDPOINTS__TRAINING", server.address)
        yield server


@pytest.fixture
def state(tmp_path):
    """What a network's file may hold, as small.pth and in small.pth.zip."""
    network = torch.nn.ModuleDict({"features": torch.nn.BatchNorm2d(3), "output": torch.nn.Linear(3, 2)})
    torch.save(network.state_dict(), tmp_path / "small.pth", _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(tmp_path / "small.pth.zip", "w") as archive:
        archive.write(tmp_path / "small.pth", "small.pth")
    return network.state_dict()


@pytest.mark.parametrize("source", ["small.pth", "small.pth.zip"])
def test_a_pickle_becomes_safetensors_without_the_output_layer(tmp_path, state, source):
    assert "5 tensors written to" in run("convert", tmp_path / source, tmp_path / "small.safetensors")
    found = safetensors.torch.load_file(tmp_path / "small.safetensors")
    assert found.keys() == {name for name in state if name.startswith("features.")}
    assert all(torch.equal(tensor, state[name]) for name, tensor in found.items())


def test_what_holds_no_weights_is_not_converted(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"<html></html>")
    with pytest.raises(DataLoss, match=r"w\.pth does not hold a network's state"):
        run("convert", tmp_path / "w.pth", tmp_path / "w.safetensors")
    assert not (tmp_path / "w.safetensors").exists()


@pytest.mark.usefixtures("server", "state")
def test_what_was_converted_is_uploaded(objects, tmp_path):
    file = tmp_path / "small.safetensors"
    run("convert", tmp_path / "small.pth", file)
    name = run("upload", file).strip()
    assert uploads.read(objects, name) == file.read_bytes()
    assert json.loads(run("upload", file, "--json")) == {"name": name}
