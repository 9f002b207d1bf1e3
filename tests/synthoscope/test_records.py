import pytest

from synthoscope.api.models.v1 import models_pb2
from synthoscope.objects import InMemoryObjectStore
from synthoscope.records import LARGEST_PAGE, Records
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound

MODELS = "tenants/default/models"


@pytest.fixture
def objects():
    return InMemoryObjectStore()


@pytest.fixture
def records(objects):
    return Records(objects, models_pb2.ModelVersion)


def version(number):
    name = f"{MODELS}/cnn/versions/{number}"
    return name, models_pb2.ModelVersion(name=name)


def test_what_is_put_is_there(records, objects):
    name, record = version("1")
    records.put(name, record)
    assert records.get(name) == record
    assert objects.head(f"{name}/manifest.json") is not None


def test_create_does_not_replace(records):
    name, first = version("1")
    assert records.create(name, first)
    assert not records.create(name, models_pb2.ModelVersion(name="other"))
    assert records.get(name) == first


def test_what_is_not_there_is_not_found_by_its_name(records):
    with pytest.raises(NotFound, match="models/cnn/versions/1 does not exist"):
        records.get(f"{MODELS}/cnn/versions/1")


def test_latest(records):
    with pytest.raises(NotFound, match="has no versions"):
        records.get(f"{MODELS}/cnn/versions/latest")
    for number in ("1", "2"):
        name, record = version(number)
        records.put(name, record)
        records.set_latest(name)
    assert records.get(f"{MODELS}/cnn/versions/latest").name.endswith("/2")
    assert records.resolve(f"{MODELS}/cnn/versions/1") == f"{MODELS}/cnn/versions/1"


@pytest.mark.parametrize("data", [b"", b"{", b'{"name": 1}', b"\xff\xfe"])
def test_a_record_that_cannot_be_read_is_data_loss(records, objects, data):
    name, _ = version("1")
    objects.put(f"{name}/manifest.json", data)
    with pytest.raises(DataLoss, match="cannot be read"):
        records.get(name)


def test_fields_of_a_newer_version_are_ignored(records, objects):
    name, record = version("1")
    objects.put(f"{name}/manifest.json", b'{"name": "%s", "fieldOfTheFuture": [1]}' % name.encode())
    assert records.get(name) == record


def test_pages(records, objects):
    for number in range(5):
        records.put(*version(number))
        objects.put(f"{MODELS}/cnn/versions/{number}/weights.safetensors", b"x")
    records.set_latest(version(4)[0])
    records.put("tenants/default/models-of-others/cnn/versions/1", models_pb2.ModelVersion(name="not here"))
    token, seen, sizes = "", [], []
    while True:
        page = records.page(MODELS, page_size=2, page_token=token)
        sizes.append(len(page.records))
        seen += [record.name for record in page.records]
        token = page.next_page_token
        if not token:
            break
    assert sizes == [2, 2, 1]
    assert seen == [version(number)[0] for number in range(5)]


def test_a_full_last_page_ends_the_listing(records):
    for number in range(4):
        records.put(*version(number))
    assert records.page(MODELS, page_size=4).next_page_token == ""
    assert records.page(MODELS, page_size=0).next_page_token == ""
    assert records.page("tenants/default/studies").records == []


@pytest.mark.parametrize("size", [-1, LARGEST_PAGE + 1])
def test_page_sizes_out_of_range(records, size):
    with pytest.raises(InvalidInput, match="page_size"):
        records.page(MODELS, page_size=size)


def test_a_token_of_another_listing(records):
    with pytest.raises(InvalidInput, match="page_token"):
        records.page(MODELS, page_token="tenants/other/models/cnn/versions/1/manifest.json")
