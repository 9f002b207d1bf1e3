"""Replicas that come and go with the load, on a real Ray Serve."""

import asyncio
import time

import grpc
import numpy as np
import pytest
from PIL import Image

from synthoscope import models
from synthoscope.api.classification.v1.classification_service_pb2 import DiagnoseRequest
from synthoscope.api.classification.v1.classification_service_pb2_grpc import DiagnosisServiceStub
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.networks import build_network
from synthoscope.images.storage import encode_png
from synthoscope.local import sweep
from synthoscope.local.stack import running
from synthoscope.models.weights import dump_weights
from synthoscope.objects import MinioObjectStore

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

CLASSES = ("glioma", "notumor")
SECONDS_UP = 60
"""On a machine that does other things, too; what it took is printed."""

SETTINGS = {"MOST_REPLICAS": "2", "UPSCALE_SECONDS": "2", "DOWNSCALE_SECONDS": "5"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(f"SYNTHOSCOPE_SERVE__{name}", value)
        home = tmp_path_factory.mktemp("stack")
        with running(home, only=("valkey", "seaweedfs", "ray", "classification"), seconds=300) as state:
            yield state


@pytest.fixture(scope="module")
def model(stack):
    network = build_network("cnn-128", len(CLASSES), 0)
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=CLASSES, preset="cnn-128", image_size=128)
    files = {"weights.safetensors": dump_weights(network.state_dict())}
    return models.publish(MinioObjectStore(stack.objects), "tenants/default/models/cnn", record, files).name


def replicas(stack):
    members = sweep.members({sweep.STACK_VARIABLE: stack.stack})
    return len([process for process in members if process.name().startswith("ray::ServeRepli")])


class Callers:
    """So many who ask again as soon as they are answered, until they are told to stop."""

    def __init__(self, stack, model, number):
        self._stack, self._model, self._number = stack, model, number
        self.answered, self.failed = 0, []

    async def __aenter__(self):
        metadata = (("authorization", f"Bearer {self._stack.token}"),)
        self._channel = grpc.aio.insecure_channel(self._stack.endpoints["classification"])
        diagnose = DiagnosisServiceStub(self._channel).Diagnose
        coarse = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)
        picture = encode_png(np.array(Image.fromarray(coarse).resize((100, 80))))
        request = DiagnoseRequest(parent="tenants/default", model_version=self._model, data=picture)
        self._asking = True

        async def ask():
            while self._asking:
                try:
                    await diagnose(request, timeout=60, metadata=metadata)
                    self.answered += 1
                except grpc.aio.AioRpcError as error:
                    self.failed.append((error.code().name, error.details()))

        self._callers = [asyncio.create_task(ask()) for _ in range(self._number)]
        return self

    async def __aexit__(self, *error):
        self._asking = False
        await asyncio.gather(*self._callers)
        await self._channel.close()


async def until(condition, seconds):
    """How long it took."""
    started = time.monotonic()
    while not await asyncio.to_thread(condition):
        assert time.monotonic() - started < seconds, f"it did not happen within {seconds} s"
        await asyncio.sleep(0.2)
    return time.monotonic() - started


def test_replicas_follow_the_load_and_no_request_is_lost(stack, model):
    async def load():
        async with Callers(stack, model, 1) as few:
            await until(lambda: few.answered, 60)  # the model is loaded
            assert replicas(stack) == 1
            async with Callers(stack, model, 64) as many:
                took = await until(lambda: replicas(stack) == 2, SECONDS_UP)
                await asyncio.sleep(5)  # both are asked
            down = await until(lambda: replicas(stack) == 1, 90)
        return took, down, few, many

    took, down, few, many = asyncio.run(load())
    print(f"\nup in {took:.1f} s, down in {down:.1f} s, {few.answered + many.answered} answered")
    assert (few.failed, many.failed) == ([], [])
    assert many.answered > 64
