import asyncio
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from ray.serve._private import replica as serve_replica

from services.classification.deployment import ClassifierReplica, close_inner_server, fingerprint
from services.classification.lines import Refusal
from services.classification.scaling import CALLS, replicas_wanted
from services.classification.settings import ServeSettings
from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.classifier.exporting import export_classifier
from synthoscope.classifier.networks import build_network
from synthoscope.classifier.prediction import load_classifier
from synthoscope.images.steps.normalization import Normalization
from synthoscope.models.weights import dump_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import Unavailable

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), np.uint8)


@pytest.fixture(autouse=True)
def _inner_server_stays(monkeypatch):
    monkeypatch.setattr(serve_replica, "add_port_to_grpc_server", serve_replica.add_port_to_grpc_server)


class CountingStore(InMemoryObjectStore):
    """Counts reads of weights, and can be away."""

    reads, away = 0, False

    def get(self, key):
        if self.away:
            raise Unavailable("the object store cannot be reached")
        self.reads += key.endswith(".safetensors")
        return super().get(key)


@pytest.fixture
def objects():
    return CountingStore()


def publish(objects, seed):
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=["a", "b", "c"], preset="cnn-64", image_size=64)
    files = {"weights.safetensors": dump_weights(build_network("cnn-64", 3, seed).state_dict())}
    return models.publish(objects, "tenants/default/models/cnn", record, files).name


async def test_it_answers_what_the_classifier_says_and_loads_once(objects):
    name = publish(objects, 0)
    replica = ClassifierReplica(ServeSettings(), "f", objects)
    answers = await asyncio.gather(*(replica.answer(name, IMAGES) for _ in range(4)))
    assert objects.reads == 1
    expected = load_classifier(objects, name).predict(IMAGES)
    for answer in answers:
        np.testing.assert_allclose(answer.probabilities, expected, atol=1e-6)


async def test_an_exported_version_is_computed_without_torch(objects):
    network = build_network("cnn-64", 3, 0)
    data = export_classifier(network.eval(), Normalization(), 0.0, IMAGES).data
    record = ModelVersion(kind=ModelKind.MODEL_KIND_CLASSIFIER, classes=["a", "b", "c"], preset="cnn-64", image_size=64)
    files = {"weights.safetensors": dump_weights(network.state_dict()), "model.onnx": data}
    name = models.publish(objects, "tenants/default/models/cnn", record, files).name
    replica = ClassifierReplica(ServeSettings(), "f", objects)
    answers = await replica.answer(name, IMAGES)
    assert objects.reads == 0
    np.testing.assert_allclose(answers.probabilities, load_classifier(objects, name).predict(IMAGES), atol=1e-5)
    objects.put(f"{name}/model.onnx", b"other")
    assert (await ClassifierReplica(ServeSettings(), "f", objects).answer(name, IMAGES)).kind == "DataLoss"


def test_neither_the_edge_nor_a_replica_on_the_cpu_imports_torch():
    program = "import sys, services.classification.__main__; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


async def test_the_least_recently_used_model_goes(objects):
    first, second, third = (publish(objects, seed) for seed in range(3))
    replica = ClassifierReplica(ServeSettings(models_kept=2), "f", objects)
    for name in (first, second, first, third, first):
        await replica.answer(name, IMAGES)
    assert objects.reads == 3
    await replica.answer(second, IMAGES)
    assert objects.reads == 4


async def test_refusals_are_values(objects):
    replica = ClassifierReplica(ServeSettings(), "f", objects)
    unknown = await replica.answer("tenants/default/models/none/versions/1", IMAGES)
    assert unknown == Refusal("NotFound", "tenants/default/models/none/versions/1 does not exist")
    damaged = publish(objects, 0)
    objects.put(f"{damaged}/weights.safetensors", b"other")
    assert (await replica.answer(damaged, IMAGES)).kind == "DataLoss"


async def test_a_store_that_was_away_is_asked_again_and_loaded_models_serve_without_it(objects):
    name = publish(objects, 0)
    replica = ClassifierReplica(ServeSettings(), "f", objects)
    objects.away = True
    assert (await replica.answer(name, IMAGES)).kind == "Unavailable"
    objects.away = False
    assert (await replica.answer(name, IMAGES)).probabilities.shape == (5, 3)
    objects.away = True
    assert (await replica.answer(name, IMAGES)).probabilities.shape == (5, 3)


def test_the_inner_server_is_closed_and_another_serve_is_noticed(monkeypatch):
    close_inner_server()
    assert serve_replica.add_port_to_grpc_server(object(), "[::]:0") == 0
    monkeypatch.delattr(serve_replica, "add_port_to_grpc_server")
    with pytest.raises(AttributeError, match="not known here"):
        close_inner_server()


async def test_other_settings_have_another_fingerprint(objects):
    assert fingerprint(ServeSettings()) == fingerprint(ServeSettings())
    assert fingerprint(ServeSettings()) != fingerprint(ServeSettings(threads=2))
    assert await ClassifierReplica(ServeSettings(), "f", objects).fingerprint() == "f"


async def test_what_serve_scales_by_is_how_many_calls_there_are(objects):
    replica = ClassifierReplica(ServeSettings(), "f", objects)
    assert replica.record_autoscaling_stats() == {CALLS: 0.0}


@pytest.mark.parametrize(("metrics", "wanted"), [({CALLS: {"a": 3.0, "b": 1.0}}, 2.0), ({}, 0.0), (None, 0.0)])
def test_so_many_replicas_are_wanted_as_calls_need(metrics, wanted):
    context = SimpleNamespace(aggregated_metrics=metrics, config=SimpleNamespace(target_ongoing_requests=2.0))
    assert replicas_wanted(context) == (wanted, {})
