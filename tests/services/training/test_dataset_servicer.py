from collections.abc import Iterator

import grpc
import numpy as np
import pytest

from services.training.dataset_servicer import DatasetServicer
from synthoscope.api.datasets.v1 import datasets_service_pb2 as messages
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Derivation, Split
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import (
    DatasetServiceStub,
    add_DatasetServiceServicer_to_server,
)
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

NAME = "synthoscope.api.datasets.v1.DatasetService"
TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST


@pytest.fixture(scope="module")
def objects() -> InMemoryObjectStore:
    return InMemoryObjectStore()


@pytest.fixture(scope="module")
def datasets(objects: InMemoryObjectStore) -> Iterator[DatasetServiceStub]:
    servicer = DatasetServicer(objects, Jobs(objects, InMemoryJobStore()), Pseudonyms(bytes(32)))
    registration = Registration(NAME, add_DatasetServiceServicer_to_server, servicer)
    with running_server([registration]) as server, open_channel(server.address, server.token) as channel:
        yield DatasetServiceStub(channel)


def stored(objects: InMemoryObjectStore, count: int) -> list[DatasetImage]:
    images = []
    for number in range(count):
        ref = store_pixels(objects, "default", np.full((4, 4 + number), number, np.uint8))
        split = TEST if number % 5 == 0 else TRAIN
        images.append(DatasetImage(path=f"{number:03}.png", label="ab"[number % 2], split=split, image=ref))
    return images


def parts(dataset: str, images: list[DatasetImage], classes: tuple[str, ...] = (), size: int = 10) -> Iterator:
    header = messages.ImportDatasetVersionHeader(dataset=f"tenants/default/datasets/{dataset}", classes=classes)
    yield messages.ImportDatasetVersionRequest(header=header)
    for start in range(0, len(images), size):
        batch = messages.ImportDatasetVersionImages(images=images[start : start + size])
        yield messages.ImportDatasetVersionRequest(images=batch)


def refused(call: object, code: grpc.StatusCode, text: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is code
    assert text in caught.value.details()


def test_a_version_is_imported_read_and_listed(datasets, objects) -> None:
    images = stored(objects, 25)
    version = datasets.ImportDatasetVersion(parts("first", images), timeout=30)
    assert version.image_count == 25
    assert [(c.split, c.label, c.count) for c in version.counts] == [
        (TRAIN, "a", 10), (TRAIN, "b", 10), (TEST, "a", 3), (TEST, "b", 2),
    ]  # fmt: skip
    assert datasets.ImportDatasetVersion(parts("first", images[::-1])) == version
    for name in (version.name, "tenants/default/datasets/first/versions/latest"):
        assert datasets.GetDatasetVersion(messages.GetDatasetVersionRequest(name=name)) == version


def test_versions_are_listed_by_tenant_and_by_dataset(datasets, objects) -> None:
    images = stored(objects, 12)
    made: list[DatasetVersion] = [
        datasets.ImportDatasetVersion(parts("listed", images[:count])) for count in (10, 11, 12)
    ]
    names = sorted(version.name for version in made)
    request = messages.ListDatasetVersionsRequest(parent="tenants/default/datasets/listed", page_size=2)
    first = datasets.ListDatasetVersions(request)
    request.page_token = first.next_page_token
    second = datasets.ListDatasetVersions(request)
    assert [v.name for v in (*first.dataset_versions, *second.dataset_versions)] == names
    assert second.next_page_token == ""
    everything = datasets.ListDatasetVersions(messages.ListDatasetVersionsRequest(parent="tenants/default"))
    assert set(names) <= {version.name for version in everything.dataset_versions}


def test_images_are_listed_by_page_split_and_class(datasets, objects) -> None:
    version = datasets.ImportDatasetVersion(parts("pages", stored(objects, 25)))

    def listed(**criteria: object) -> list[str]:
        paths, token = [], ""
        while True:
            request = messages.ListDatasetImagesRequest(parent=version.name, page_token=token, **criteria)
            page = datasets.ListDatasetImages(request)
            paths += [image.path for image in page.images]
            token = page.next_page_token
            if not token:
                return paths

    assert listed() == listed(page_size=25) == listed(page_size=7) == [f"{n:03}.png" for n in range(25)]
    assert listed(split=TEST, page_size=2) == ["000.png", "005.png", "010.png", "015.png", "020.png"]
    assert listed(split=TEST, label="b") == ["005.png", "015.png"]
    assert listed(label="unknown") == []


def test_attributes_are_stored_listed_counted_and_kept_in_what_is_derived(datasets, objects) -> None:
    images = stored(objects, 10)
    plain = datasets.ImportDatasetVersion(parts("groups", images))
    for number, image in enumerate(images):
        image.attributes.update({"sex": "FM"[number % 2]} | ({"age_band": "90+"} if number < 3 else {}))
    version = datasets.ImportDatasetVersion(parts("groups", images))
    assert version.name != plain.name
    assert [(c.attribute, c.value, c.split, c.count) for c in version.attribute_counts] == [
        ("age_band", "", TRAIN, 6), ("age_band", "", TEST, 1),
        ("age_band", "90+", TRAIN, 2), ("age_band", "90+", TEST, 1),
        ("sex", "F", TRAIN, 4), ("sex", "F", TEST, 1), ("sex", "M", TRAIN, 4), ("sex", "M", TEST, 1),
    ]  # fmt: skip
    derivation = Derivation(subset={"labels": ["a"]})
    derived = datasets.DeriveDatasetVersion(
        messages.DeriveDatasetVersionRequest(
            dataset="tenants/default/datasets/groups", parent_version=version.name, derivation=derivation
        )
    )
    listed = datasets.ListDatasetImages(messages.ListDatasetImagesRequest(parent=derived.name)).images
    assert {image.path: dict(image.attributes) for image in listed} == {
        "000.png": {"sex": "F", "age_band": "90+"}, "002.png": {"sex": "F", "age_band": "90+"},
        "004.png": {"sex": "F"}, "006.png": {"sex": "F"}, "008.png": {"sex": "F"},
    }  # fmt: skip
    compared = datasets.CompareDatasetVersions(
        messages.CompareDatasetVersionsRequest(before=plain.name, after=version.name)
    )
    assert (compared.unchanged, compared.change_count) == (0, 10)


@pytest.mark.parametrize(("name", "value", "text"), [
    ("sex", "female", "images[3].attributes.sex: must be 'F'"),
    ("age_band", "45", "images[3].attributes.age_band: must be '40-49'"),
    ("age", "45", "age would tell who a patient is"),
    ("patient_name", "Jane Doe", "would tell who a patient is"),
    ("device", "x" * 65, "at most 64"),
])  # fmt: skip
def test_attributes_in_another_form_are_refused(datasets, objects, name, value, text) -> None:
    images = stored(objects, 4)
    images[3].attributes[name] = value
    refused(lambda: datasets.ImportDatasetVersion(parts("misformed", images)), grpc.StatusCode.INVALID_ARGUMENT, text)
    assert not list(objects.list("tenants/default/datasets/misformed"))


def test_bad_imports_are_refused_and_nothing_is_stored(datasets, objects) -> None:
    good = stored(objects, 4)
    invalid, precondition = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION

    def imported(images: list[DatasetImage], dataset: str = "bad", **options: object) -> object:
        return lambda: datasets.ImportDatasetVersion(parts(dataset, images, **options))

    unknown = DatasetImage(path="x.png", label="a", split=TRAIN, image=ImageRef(sha256="0" * 64))
    traversal = DatasetImage(path="../x.png", label="a", split=TRAIN, image=good[0].image)
    refused(imported([]), invalid, "at least one image")
    refused(imported([*good, traversal]), invalid, "images[4].path")
    refused(imported([*good, good[0]]), invalid, "repeated")
    refused(imported(good, classes=("a", "b", "empty")), invalid, "no training images for empty")
    refused(imported([*good, unknown]), precondition, "not stored")
    refused(imported(good, dataset="Bad"), invalid, "dataset")
    refused(imported(good * 300, size=2000), invalid, "1000 images a message")
    assert not list(objects.list("tenants/default/datasets/bad"))


def test_the_header_comes_first_and_once(datasets) -> None:
    header = next(parts("d", []))
    batch = messages.ImportDatasetVersionRequest(images=messages.ImportDatasetVersionImages())
    for sent in ([], [batch], [header, header], [messages.ImportDatasetVersionRequest()]):
        refused(lambda sent=sent: datasets.ImportDatasetVersion(iter(sent)), grpc.StatusCode.INVALID_ARGUMENT, "part")


def test_unknown_datasets_are_not_found_and_wrong_requests_refused(datasets) -> None:
    invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    for version in ("latest", "0" * 16):
        name = f"tenants/default/datasets/none/versions/{version}"
        refused(
            lambda name=name: datasets.GetDatasetVersion(messages.GetDatasetVersionRequest(name=name)), missing, "none"
        )
        listing = messages.ListDatasetImagesRequest(parent=name)
        refused(lambda listing=listing: datasets.ListDatasetImages(listing), missing, "none")
    refused(lambda: datasets.GetDatasetVersion(messages.GetDatasetVersionRequest(name="x")), invalid, "name")
    listing = messages.ListDatasetImagesRequest(parent=name, page_size=1001)
    refused(lambda: datasets.ListDatasetImages(listing), invalid, "page_size")
    versions = messages.ListDatasetVersionsRequest(parent="tenants/default/models/x")
    refused(lambda: datasets.ListDatasetVersions(versions), invalid, "parent")


def test_versions_are_derived_compared_and_deleted(datasets, objects) -> None:
    parent = datasets.ImportDatasetVersion(parts("parent", stored(objects, 15)))
    derivation = Derivation(label_map={"labels": {"a": "tumour", "b": "tumour"}})
    derived = datasets.DeriveDatasetVersion(
        messages.DeriveDatasetVersionRequest(
            dataset="tenants/default/datasets/derived", parent_version=parent.name, derivation=derivation
        )
    )
    assert list(derived.classes) == ["tumour"]
    compared = datasets.CompareDatasetVersions(
        messages.CompareDatasetVersionsRequest(before=parent.name, after=derived.name)
    )
    assert (compared.unchanged, compared.change_count) == (0, 15)

    def delete(name: str) -> object:
        return datasets.DeleteDatasetVersion(messages.DeleteDatasetVersionRequest(name=name))

    refused(lambda: delete(parent.name), grpc.StatusCode.FAILED_PRECONDITION, derived.name)
    delete(derived.name)
    delete(parent.name)
    gone = messages.GetDatasetVersionRequest(name=parent.name)
    refused(lambda: datasets.GetDatasetVersion(gone), grpc.StatusCode.NOT_FOUND, "does not exist")


def test_bad_names_in_comparisons_and_deletions_are_refused(datasets) -> None:
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    compare, delete = messages.CompareDatasetVersionsRequest(before="x"), messages.DeleteDatasetVersionRequest(name="x")
    refused(lambda: datasets.CompareDatasetVersions(compare), invalid, "before")
    refused(lambda: datasets.DeleteDatasetVersion(delete), invalid, "name")
