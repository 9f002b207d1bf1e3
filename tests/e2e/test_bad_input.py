"""Bad input gets a clear message and the right status; nothing is stored, nothing restarts."""

import io
import struct
import zlib

import grpc
import numpy as np
import pytest
from PIL import Image

from synthoscope.api.classification.v1.classification_service_pb2 import DiagnoseRequest
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.api.training.v1.training_pb2 import GanTrainingConfig
from synthoscope.client import Client, ClientSettings
from synthoscope.local.status import status
from synthoscope.objects import MinioObjectStore
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import InvalidInput, NotFound, ResourceExhausted, Unauthenticated

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def nothing_restarts_and_nothing_is_stored(stack, client):
    objects = MinioObjectStore(stack.objects)
    pids = {process.name: process.pid for process in status(stack.home)}
    keys = {info.key for info in objects.list("tenants/")}
    yield
    assert {process.name: process.pid for process in status(stack.home)} == pids
    assert {info.key for info in objects.list("tenants/")} == keys


def png(width: int, height: int, noise: bool = False) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8) if noise else None
    image = Image.fromarray(pixels) if pixels is not None else Image.new("L", (width, height))
    image.save(buffer, "PNG")
    return buffer.getvalue()


def huge_png(side: int) -> bytes:
    """A PNG whose header claims side × side pixels; the data behind it is small."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(side + 1) * 64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"this is no image at all", InvalidInput, id="not an image"),
        pytest.param(b"", InvalidInput, id="empty"),
        pytest.param(png(64, 64, noise=True)[:900], InvalidInput, id="truncated"),
        pytest.param(huge_png(20_000), ResourceExhausted, id="20000 x 20000"),
    ],
)
def test_diagnosing_what_is_no_image(client, model, data, error):
    with pytest.raises(error) as raised:
        client.diagnoses.diagnose(data, model)
    assert "Traceback" not in raised.value.message


def test_five_mebibytes_inline(stack, model):
    with open_channel(stack.endpoints["classification"], stack.token) as channel:
        request = DiagnoseRequest(parent="tenants/default", model_version=model, data=bytes(5 << 20))
        with pytest.raises(grpc.RpcError) as raised:
            DiagnosisServiceStub(channel).Diagnose(request, timeout=10)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_unknown_model(client):
    with pytest.raises(NotFound, match="nosuch"):
        client.diagnoses.diagnose(png(32, 32), "tenants/default/models/nosuch/versions/0123456789abcdef")


def test_unknown_dataset(client):
    with pytest.raises(NotFound, match="nosuch"):
        client.models.train_gan(
            "tenants/default/datasets/nosuch/versions/latest", "gan", GanTrainingConfig(preset="dcgan-64", epochs=1)
        )


def test_another_tenants_dataset_does_not_exist(client, dataset):
    with pytest.raises(NotFound):
        client.datasets.get(dataset.replace("tenants/default", "tenants/other"))


def test_negative_epochs(client, dataset):
    with pytest.raises(InvalidInput, match="epochs"):
        client.models.train_gan(dataset, "gan", GanTrainingConfig(preset="dcgan-64", epochs=-1))


def test_class_without_training_images(client, phantoms, tmp_path):
    for split, label in (("train", "a"), ("train", "b"), ("test", "c")):
        folder = tmp_path / split / label
        folder.mkdir(parents=True)
        image = next(phantoms.glob("train/glioma/*.png"))
        (folder / "1.png").write_bytes(image.read_bytes())
    with pytest.raises(InvalidInput, match="c"):
        client.datasets.import_source(tmp_path, "no-training-images")


@pytest.mark.parametrize("token", ["wrong", ""])
def test_wrong_and_missing_token(stack, token):
    settings = ClientSettings.find(stack.home).model_copy(
        update={"token": type(ClientSettings.find(stack.home).token)(token)}
    )
    with Client(settings) as stranger, pytest.raises(Unauthenticated):
        stranger.jobs.list()
