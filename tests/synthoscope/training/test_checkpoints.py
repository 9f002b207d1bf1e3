"""Checkpoints, on the in-memory store and on a real S3 server: whatever happens to one, the one before it is taken."""

import json
import uuid

import pytest
import safetensors.torch
import torch

from synthoscope.objects import InMemoryObjectStore, MinioObjectStore
from synthoscope.rpc.errors import DataLoss
from synthoscope.training.callbacks import Checkpoint
from synthoscope.training.checkpoints import MANIFEST, TENSORS, CheckpointStore, DamagedCheckpoint


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.stack)])
def objects(request):
    if request.param == "memory":
        return InMemoryObjectStore()
    return MinioObjectStore(request.getfixturevalue("object_store_settings"))


@pytest.fixture
def remarks():
    return []


@pytest.fixture
def store(objects, remarks):
    """The checkpoints of steps 5 and 10."""
    store = CheckpointStore(objects, f"tenants/t{uuid.uuid4().hex}/jobs/j/checkpoints", on_damage=remarks.append)
    store.save(at(5))
    store.save(at(10))
    return store


def at(step):
    state = {"history": {"steps": [1, step], "loss": [0.1, float("nan")]}, "best": None}
    return Checkpoint(
        step, {"weight": torch.arange(6.0).reshape(2, 3) * step, "step": torch.tensor(float(step))}, state
    )


def keys(store):
    return [info.key.removeprefix(f"{store.prefix}/") for info in store.objects.list(f"{store.prefix}/")]


def change(store, name, how, step=10):
    key = f"{store.prefix}/step-{step:09d}/{name}"
    store.objects.put(key, how(store.objects.get(key)))


def flip(place):
    """Flips a bit at a place between 0 and 1 of the bytes."""

    def flipped(data):
        index = int(place * (len(data) - 1))
        return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]

    return flipped


def test_what_was_saved_comes_back(store):
    found = store.load_latest()
    assert found.step == 10
    assert json.dumps(found.state) == json.dumps(at(10).state)
    assert found.tensors.keys() == at(10).tensors.keys()
    assert all(torch.equal(tensor, at(10).tensors[name]) for name, tensor in found.tensors.items())


def test_there_is_none_before_the_first(objects):
    assert CheckpointStore(objects, f"tenants/t{uuid.uuid4().hex}/jobs/j/checkpoints").load_latest() is None


def test_older_ones_are_removed(store):
    store.save(at(15))
    assert store.steps() == [10, 15]
    assert len(keys(store)) == 4


DAMAGE = [
    pytest.param(TENSORS, flip(0.0), id="a bit of the header's length"),
    pytest.param(TENSORS, flip(0.3), id="a bit of the header"),
    pytest.param(TENSORS, flip(1.0), id="a bit of the numbers"),
    pytest.param(TENSORS, lambda data: data[:-3], id="tensors cut off"),
    pytest.param(TENSORS, lambda data: data + b"more", id="bytes after the tensors"),
    pytest.param(TENSORS, lambda data: b"", id="empty tensors"),
    pytest.param(TENSORS, lambda data: safetensors.torch.save({"weight": torch.ones(2, 2)}), id="other tensors"),
    pytest.param(MANIFEST, flip(0.5), id="a bit of the manifest"),
    pytest.param(MANIFEST, lambda data: data.replace(b'"step": 10', b'"step": 11'), id="another step"),
    pytest.param(MANIFEST, lambda data: data[:40], id="manifest cut off"),
    pytest.param(MANIFEST, lambda data: b"", id="empty manifest"),
    pytest.param(MANIFEST, lambda data: b"[]", id="manifest of something else"),
    pytest.param(MANIFEST, lambda data: b"\xff\xfe", id="manifest of no text"),
]


@pytest.mark.parametrize(("name", "how"), DAMAGE)
def test_a_damaged_one_is_set_aside_and_the_one_before_is_taken(store, remarks, name, how):
    change(store, name, how)
    damaged = store.objects.get(f"{store.prefix}/step-000000010/{name}")
    assert store.load_latest().step == 5
    assert store.steps() == [5]
    assert store.objects.get(f"{store.prefix}/damaged/step-000000010/{name}") == damaged
    assert store.objects.get(f"{store.prefix}/damaged/step-000000010/reason.txt")
    assert [remark.split(" and ")[0] for remark in remarks] == ["the checkpoint of step 10 is damaged"]


def test_every_bit_of_a_manifest_counts(objects):
    store = CheckpointStore(objects, f"tenants/t{uuid.uuid4().hex}/jobs/j/checkpoints")
    store.save(at(5))
    key = f"{store.prefix}/step-000000005/{MANIFEST}"
    whole = objects.get(key)
    for index in range(0, len(whole), 1 if isinstance(objects, InMemoryObjectStore) else 50):
        objects.put(key, whole[:index] + bytes([whole[index] ^ 4]) + whole[index + 1 :])
        try:
            found = store.load(5)
        except DamagedCheckpoint:
            continue
        assert json.dumps([found.step, found.state]) == json.dumps([5, at(5).state]), whole[index - 5 : index + 5]


def test_tensors_that_are_gone(store):
    store.objects.delete(f"{store.prefix}/step-000000010/{TENSORS}")
    assert store.load_latest().step == 5
    assert f"damaged/step-000000010/{MANIFEST}" in keys(store)


def test_one_that_was_not_finished_does_not_count(store):
    store.objects.put(f"{store.prefix}/step-000000015/{TENSORS}", b"half")
    assert store.load_latest().step == 10


def test_when_all_are_damaged_no_attempt_begins_anew(store, remarks):
    change(store, TENSORS, flip(0.9))
    change(store, TENSORS, flip(0.9), step=5)
    for _ in range(2):
        with pytest.raises(DataLoss, match=r"step 5, 10 are damaged and lie below .*/checkpoints/damaged"):
            store.load_latest()
    assert len(remarks) == 2


def test_setting_aside_twice_as_two_workers_do(store):
    change(store, TENSORS, flip(0.9))
    damaged = store.objects.get(f"{store.prefix}/step-000000010/{TENSORS}")
    for _ in range(2):
        store.set_aside(10, "its tensors are of other networks")
    assert store.objects.get(f"{store.prefix}/damaged/step-000000010/{TENSORS}") == damaged
    assert store.load_latest().step == 5


def test_a_step_that_was_damaged_is_saved_again(store):
    change(store, TENSORS, flip(0.9))
    assert store.load_latest().step == 5
    store.save(at(10))
    assert store.load_latest().step == 10


def test_a_manifest_from_before_manifests_had_a_digest(store):
    change(store, MANIFEST, lambda data: json.dumps(json.loads(data)["contents"]).encode())
    assert store.load_latest().step == 10
