import pytest
import torch

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.models.versions import tensor_names
from synthoscope.models.weights import WEIGHTS, dump_weights, load_weights
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss

PARENT = "tenants/default/models/tumours"


def test_weights_come_back_bit_for_bit():
    objects = InMemoryObjectStore()
    tensors = {
        "conv.weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
        "bias": torch.randn(4),
        "a.view": torch.randn(6)[::2],
    }
    version = models.publish(objects, PARENT, ModelVersion(), {WEIGHTS: dump_weights(tensors)})
    loaded = load_weights(objects, version)
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_the_same_tensors_give_the_same_bytes():
    a, b = torch.randn(3), torch.randn(2, 2)
    assert dump_weights({"a": a, "b": b}) == dump_weights({"b": b, "a": a})


@pytest.mark.parametrize("data", [b"", b"not safetensors", b"\xff" * 64, dump_weights({"a": torch.zeros(9)})[:-4]])
def test_what_is_not_safetensors_is_data_loss(data):
    objects = InMemoryObjectStore()
    version = models.publish(objects, PARENT, ModelVersion(), {WEIGHTS: data})
    with pytest.raises(DataLoss, match="not a safetensors file"):
        load_weights(objects, version)


def test_changed_bytes_are_data_loss():
    objects = InMemoryObjectStore()
    version = models.publish(objects, PARENT, ModelVersion(), {WEIGHTS: dump_weights({"a": torch.zeros(9)})})
    objects.put(f"{version.name}/{WEIGHTS}", dump_weights({"a": torch.ones(9)}))
    with pytest.raises(DataLoss, match="SHA-256"):
        load_weights(objects, version)


def test_the_names_of_tensors_are_read_without_the_tensors():
    objects = InMemoryObjectStore()
    tensors = {"0.generator.x": torch.zeros(2), "0.average.y": torch.ones(3)}
    record = models.publish(objects, "tenants/t/models/m", ModelVersion(), {WEIGHTS: dump_weights(tensors)})
    assert tensor_names(objects, record) == set(tensors)
    broken = models.publish(objects, "tenants/t/models/m", ModelVersion(), {WEIGHTS: b"\x05\0\0\0\0\0\0\0{no}"})
    with pytest.raises(DataLoss, match="safetensors"):
        tensor_names(objects, broken)
