"""The client against the real servicers over real gRPC, with objects in memory."""

import io

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr

from services.training.dataset_servicer import DatasetServicer
from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import add_DatasetServiceServicer_to_server
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.client import Client, ClientSettings, Endpoints
from synthoscope.images.intake import Intake
from synthoscope.images.servicer import ImageServicer
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound, Unauthenticated
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server


@pytest.fixture(scope="module")
def server(decoders, pseudonyms):
    objects = InMemoryObjectStore()
    intake = Intake(objects, pseudonyms, decoders)
    services = "synthoscope.api.images.v1.ImageService", "synthoscope.api.datasets.v1.DatasetService"
    registrations = [
        Registration(services[0], add_ImageServiceServicer_to_server, ImageServicer(intake)),
        Registration(
            services[1],
            add_DatasetServiceServicer_to_server,
            DatasetServicer(objects, Jobs(objects, InMemoryJobStore()), pseudonyms),
        ),
    ]
    with running_server(registrations) as running:
        yield running


def client_of(server, token=None):
    address = server.address
    endpoints = Endpoints(
        training=address, synthesis=address, classification=address, explanation=address, tuning=address
    )
    return Client(ClientSettings(endpoints=endpoints, token=SecretStr(server.token if token is None else token)))


@pytest.fixture
def client(server):
    with client_of(server) as client:
        yield client


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(1)
    for split in ("train", "test"):
        for label in ("sick", "well"):
            for number in range(3):
                file = tmp_path / split / label / f"{number}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)
    return tmp_path


def test_a_folder_is_imported_and_read_back(client, folder):
    (folder / "val").mkdir()
    seen, notes = [], []
    version = client.datasets.import_source(
        folder, "scans", on_progress=lambda *progress: seen.append(progress), on_note=notes.append
    )
    assert seen[0] == ("reading", 0, 12)
    assert seen[-1] == ("uploading", 12, 12)
    assert notes == ["val/ is not used; validation images are held out of train"]
    assert list(version.classes) == ["sick", "well"]
    assert client.datasets.get(client.dataset_name("scans")) == version
    assert version in client.datasets.list()
    images = list(client.datasets.images(version.name, Split.SPLIT_TEST, "sick"))
    assert [image.path for image in images] == [f"test/sick/{number}.png" for number in range(3)]
    assert client.images.download(images[0].image.name) == (folder / "test/sick/0.png").read_bytes()


def test_what_is_stored_is_not_sent_again(client, folder):
    client.datasets.import_source(folder, "scans")
    notes = []
    client.datasets.import_source(folder, "scans", on_note=notes.append)
    assert notes == ["12 of 12 images were stored already"]


def test_a_broken_image_is_named(client, folder):
    (folder / "train/sick/9.png").write_bytes(b"no image")
    with pytest.raises(InvalidInput, match=r"train/sick/9\.png"):
        client.datasets.import_source(folder, "scans")


def test_a_large_image_goes_up_in_chunks(client):
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    assert len(data.getvalue()) > 4 << 20
    ref = client.images.upload(data.getvalue())
    assert (ref.width, ref.height) == (1500, 1500)
    assert client.images.download(ref.name) == data.getvalue()


def test_unknown_names_and_tokens(client, server):
    with pytest.raises(NotFound):
        client.datasets.get(client.dataset_name("nosuch"))
    with client_of(server, "wrong") as stranger, pytest.raises(Unauthenticated):
        stranger.datasets.list()


def test_short_names(client):
    assert client.dataset_name("brain") == "tenants/default/datasets/brain/versions/latest"
    assert client.model_name("tumours@0123") == "tenants/default/models/tumours/versions/0123"
    assert client.model_name("tenants/x/models/m/versions/1") == "tenants/x/models/m/versions/1"
    with pytest.raises(InvalidInput):
        client.dataset_name("Not An Id")


def test_without_a_stack_the_client_says_what_to_do(tmp_path):
    with pytest.raises(FailedPrecondition, match="synthoscope up"):
        ClientSettings.find(tmp_path)


def test_settings_that_are_not_whole_are_named_without_their_values(monkeypatch):
    monkeypatch.setenv("SYNTHOSCOPE_CLIENT_TOKEN", "hush")
    with pytest.raises(FailedPrecondition, match="SYNTHOSCOPE_CLIENT_ENDPOINTS: Field required") as caught:
        ClientSettings.find()
    assert "hush" not in caught.value.message


def test_a_service_without_an_address_is_named_when_it_is_called(monkeypatch):
    monkeypatch.setenv("SYNTHOSCOPE_CLIENT_TOKEN", "hush")
    monkeypatch.setenv("SYNTHOSCOPE_CLIENT_ENDPOINTS__TRAINING", "127.0.0.1:9")
    with (
        Client(ClientSettings.find()) as client,
        pytest.raises(FailedPrecondition, match=r"synthesis.*SYNTHOSCOPE_CLIENT_ENDPOINTS__SYNTHESIS"),
    ):
        client.synthesis.list()
