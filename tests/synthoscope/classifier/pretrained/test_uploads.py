import hashlib
from contextlib import closing
from pathlib import Path

import pytest
import safetensors.torch
import torch

from synthoscope.classifier.pretrained import uploads
from synthoscope.classifier.pretrained.uploads import Upload
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound, ResourceExhausted

DATA = safetensors.torch.save({"features.weight": torch.arange(600.0), "features.bias": torch.zeros(2)})
SHA256 = hashlib.sha256(DATA).hexdigest()
NAME = f"tenants/t/weights/{SHA256}"


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def upload():
    with closing(Upload()) as upload:
        yield upload


@pytest.mark.parametrize("size", [1, 3, 8, 9, 1 << 20])
def test_a_file_comes_back_however_it_was_cut(upload, objects, size):
    for start in range(0, len(DATA), size):
        upload.write(DATA[start : start + size])
    record = upload.store(objects, "t")
    assert (record.name, record.tensor_count, record.size_bytes) == (NAME, 2, len(DATA))
    assert uploads.get(objects, NAME) == record
    assert uploads.read(objects, NAME) == DATA


def test_the_same_file_again_mends_what_was_lost(objects):
    for _ in range(2):
        with closing(Upload()) as upload:
            upload.write(DATA)
            assert upload.store(objects, "t", SHA256).name == NAME
        assert uploads.read(objects, NAME) == DATA
        objects.put(f"{NAME}/weights.safetensors", DATA[:-1])
        with pytest.raises(DataLoss, match="does not have its SHA-256"):
            uploads.read(objects, NAME)
        objects.delete(f"{NAME}/weights.safetensors")
        with pytest.raises(DataLoss, match="has lost its file"):
            uploads.read(objects, NAME)


def test_a_pickle_is_refused_at_its_eighth_byte(upload):
    upload.write(b"PK\3\4" + bytes(3))
    with pytest.raises(InvalidInput, match="pickle"):
        upload.write(b"\xff")


def test_more_than_a_gibibyte_is_refused(upload, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST_FILE", len(DATA))
    upload.write(DATA)
    with pytest.raises(ResourceExhausted, match=f"more than {len(DATA)} bytes"):
        upload.write(b"x")


@pytest.mark.parametrize(
    ("data", "sha256", "error"),
    [
        (DATA[:-1], "", InvalidInput),
        (DATA + b"x", "", InvalidInput),
        (b"", "", InvalidInput),
        (DATA, "0" * 64, DataLoss),
    ],
)
def test_nothing_is_stored_of_what_is_refused(upload, objects, data, sha256, error):
    upload.write(data)
    with pytest.raises(error):
        upload.store(objects, "t", sha256)
    assert not list(objects.list(""))


def test_the_temporary_file_goes_with_the_upload():
    upload = Upload()
    upload.write(DATA)
    path = Path(upload._file.name)
    assert path.exists()
    upload.close()
    assert not path.exists()


def test_names(objects):
    with pytest.raises(NotFound):
        uploads.read(objects, NAME)
    with pytest.raises(InvalidInput, match=r"must have the form tenants/\{tenant\}/weights/\{sha256\}"):
        uploads.get(objects, "tenants/t/models/m/versions/1")
