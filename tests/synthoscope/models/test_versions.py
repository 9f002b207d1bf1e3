import pytest
from google.protobuf import struct_pb2

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound, Unavailable

PARENT = "tenants/default/models/tumours"
FILES = {"weights.safetensors": b"weights", "notes/curve.json": b"{}"}


def classifier(seed: int = 7) -> ModelVersion:
    config = struct_pb2.Struct()
    config.update({"preset": "cnn-64", "epochs": 3})
    return ModelVersion(
        kind=ModelKind.MODEL_KIND_CLASSIFIER,
        classes=["glioma", "notumor"],
        preset="cnn-64",
        image_size=64,
        config=config,
        lineage=Lineage(dataset_version="tenants/default/datasets/d/versions/1", seed=seed),
    )


def test_a_published_version_can_be_read():
    objects = InMemoryObjectStore()
    version = models.publish(objects, PARENT, classifier(), FILES)
    assert len(version.name.rpartition("/")[2]) == 16
    assert version.HasField("create_time")
    assert models.get(objects, version.name) == version
    assert models.get(objects, f"{PARENT}/versions/latest") == version
    assert models.read_file(objects, version, "notes/curve.json") == b"{}"


def test_the_version_is_a_digest_of_the_contents():
    names = {models.publish(InMemoryObjectStore(), PARENT, classifier(), FILES).name for _ in range(2)}
    names.add(models.publish(InMemoryObjectStore(), PARENT, classifier(seed=8), FILES).name)
    names.add(models.publish(InMemoryObjectStore(), PARENT, classifier(), {**FILES, "notes/curve.json": b"[]"}).name)
    assert len(names) == 3


def test_publishing_again_returns_what_is_there():
    objects = InMemoryObjectStore()
    first = models.publish(objects, PARENT, classifier(), FILES)
    assert models.publish(objects, PARENT, classifier(), FILES) == first


def test_publishing_that_stops_before_the_record_leaves_no_version(monkeypatch):
    objects = InMemoryObjectStore()

    def away(key, data, **_):
        raise Unavailable("the object store is away")

    def versions():
        return [record.name for record in Records(objects, ModelVersion).all(PARENT)]

    monkeypatch.setattr(objects, "put_if_absent", away)
    with pytest.raises(Unavailable):
        models.publish(objects, PARENT, classifier(), FILES)
    assert versions() == []
    with pytest.raises(NotFound, match="has no versions"):
        models.get(objects, f"{PARENT}/versions/latest")
    monkeypatch.undo()
    first = models.publish(objects, PARENT, classifier(), FILES)
    monkeypatch.setattr(objects, "put_if_absent", away)
    with pytest.raises(Unavailable):
        models.publish(objects, PARENT, classifier(seed=8), FILES)
    assert versions() == [first.name]
    assert models.get(objects, f"{PARENT}/versions/latest") == first


def test_latest_is_the_last_one_published():
    objects = InMemoryObjectStore()
    models.publish(objects, PARENT, classifier(), FILES)
    second = models.publish(objects, PARENT, classifier(seed=8), FILES)
    assert models.get(objects, f"{PARENT}/versions/latest") == second


def test_what_is_not_there_is_not_found():
    objects = InMemoryObjectStore()
    with pytest.raises(NotFound, match="has no versions"):
        models.get(objects, f"{PARENT}/versions/latest")
    with pytest.raises(NotFound, match="does not exist"):
        models.get(objects, f"{PARENT}/versions/0123456789abcdef")
    version = models.publish(objects, PARENT, classifier(), FILES)
    with pytest.raises(NotFound, match="has no file other"):
        models.read_file(objects, version, "other")


def test_a_wrong_name_is_refused():
    with pytest.raises(InvalidInput, match="name_parent"):
        models.publish(InMemoryObjectStore(), "models/tumours", classifier(), FILES)
    with pytest.raises(InvalidInput, match="name"):
        models.get(InMemoryObjectStore(), PARENT)


def test_damaged_and_lost_files_are_data_loss():
    objects = InMemoryObjectStore()
    version = models.publish(objects, PARENT, classifier(), FILES)
    objects.put(f"{version.name}/weights.safetensors", b"weightz")
    with pytest.raises(DataLoss, match="SHA-256"):
        models.read_file(objects, version, "weights.safetensors")
    objects.delete(f"{version.name}/weights.safetensors")
    with pytest.raises(DataLoss, match="lost"):
        models.read_file(objects, version, "weights.safetensors")
