"""Uploading weights to, and promoting versions by, the real servicers over real gRPC."""

import hashlib

import pytest
import safetensors.torch
import torch
from pydantic import SecretStr

from services.training.model_servicer import ModelServicer
from services.training.servicer import TrainingServicer
from synthoscope import models, names
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelVersion
from synthoscope.api.models.v1.models_service_pb2_grpc import add_ModelServiceServicer_to_server
from synthoscope.api.training.v1.training_service_pb2_grpc import add_TrainingServiceServicer_to_server
from synthoscope.classifier.pretrained import uploads
from synthoscope.client import Client, ClientSettings, Endpoints
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server


@pytest.fixture(scope="module")
def objects():
    return InMemoryObjectStore()


@pytest.fixture(scope="module")
def server(objects):
    training = TrainingServicer(objects, Jobs(objects, InMemoryJobStore()))
    registrations = [
        Registration("synthoscope.api.training.v1.TrainingService", add_TrainingServiceServicer_to_server, training),
        Registration(
            "synthoscope.api.models.v1.ModelService",
            add_ModelServiceServicer_to_server,
            ModelServicer(objects, Jobs(objects, InMemoryJobStore()), []),
        ),
    ]
    with running_server(registrations) as running:
        yield running


def client_of(server, tenant="default"):
    endpoints = Endpoints(training=server.address)
    return Client(ClientSettings(endpoints=endpoints, token=SecretStr(server.token), tenant=tenant))


@pytest.fixture
def client(server):
    with client_of(server) as client:
        yield client


@pytest.fixture
def file(tmp_path):
    safetensors.torch.save_file({"features.weight": torch.rand(800_000), "output.bias": torch.zeros(3)}, tmp_path / "w")
    return tmp_path / "w"


def test_a_file_is_uploaded_and_named_after_its_bytes(client, objects, file):
    name = client.models.upload_weights(file)
    assert name == f"tenants/default/weights/{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert uploads.read(objects, name) == file.read_bytes()
    assert client.models.upload_weights(file) == name


def test_a_pickle_is_refused(client, tmp_path):
    torch.save({"w": torch.ones(1_000_000)}, tmp_path / "w.pth")
    with pytest.raises(InvalidInput, match=r"can run code.*weights convert FILE\.pth FILE\.safetensors"):
        client.models.upload_weights(tmp_path / "w.pth")


def test_an_upload_that_is_too_large_ends_early(client, file, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST_FILE", 1_000_000)
    with pytest.raises(ResourceExhausted, match="more than 1000000 bytes"):
        client.models.upload_weights(file)


def test_another_tenant_s_place_is_not_found(server, file, objects):
    with client_of(server, tenant="other") as client, pytest.raises(NotFound):
        client.models.upload_weights(file)
    assert not list(objects.list("tenants/other/"))


def test_a_promoted_version_is_found_by_its_alias(client, objects):
    model = client.name(names.MODEL, "model", "spots")
    first, second = (
        models.publish(objects, model, ModelVersion(lineage=Lineage(seed=seed)), {}).name for seed in (1, 2)
    )
    assert client.models.promote(first, "champion", check_only=True).name == ""
    made = [client.models.promote(name, "champion") for name in (first, second)]
    assert client.models.get(client.model_name("spots@champion")).name == second
    made.append(client.models.roll_back(model, "champion"))
    assert client.models.get(client.model_name("spots@champion")).name == first
    assert list(client.models.promotions(model)) == made
    assert [item.model_version for item in client.models.aliases(model)] == [first]
    with pytest.raises(FailedPrecondition, match="no version had champion before"):
        client.models.roll_back(model, "champion")
    with pytest.raises(NotFound):
        client.models.get(client.model_name("spots@challenger"))


def test_another_tenant_s_aliases_are_not_found(server):
    with client_of(server, tenant="other") as client:
        model = client.name(names.MODEL, "model", "spots")
        for ask in (client.models.aliases, client.models.promotions, lambda name: client.models.roll_back(name, "a")):
            with pytest.raises(NotFound):
                ask(model)
