"""The page over real gRPC, with objects and jobs in memory."""

import numpy as np
import pytest
from pydantic import SecretStr

from services.training.dataset_servicer import DatasetServicer
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, DuplicatePair, Outlier, Shortcut
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import add_DatasetServiceServicer_to_server
from synthoscope.api.images.v1.images_service_pb2_grpc import add_ImageServiceServicer_to_server
from synthoscope.audit_page.page import PAIRS_PER_KIND, render, thumbnail, worst_pairs
from synthoscope.client import Client, ClientSettings, Endpoints
from synthoscope.datasets.audit import auditing, storage
from synthoscope.datasets.importing import import_version
from synthoscope.images.servicer import ImageReader
from synthoscope.images.storage import encode_png, load_image_bytes, store_pixels
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server


@pytest.fixture
def client():
    objects = InMemoryObjectStore()
    datasets = DatasetServicer(objects, Jobs(objects, InMemoryJobStore()), Pseudonyms(bytes(32)))
    offered = [
        Registration("synthoscope.api.datasets.v1.DatasetService", add_DatasetServiceServicer_to_server, datasets),
        Registration(
            "synthoscope.api.images.v1.ImageService", add_ImageServiceServicer_to_server, ImageReader(objects)
        ),
    ]
    with running_server(offered) as server:
        services = ("training", "synthesis", "classification", "explanation", "tuning")
        endpoints = Endpoints(**dict.fromkeys(services, server.address))
        with Client(ClientSettings(endpoints=endpoints, token=SecretStr(server.token))) as client:
            yield client, objects


def test_the_page_shows_copies_and_stands_alone(client) -> None:
    client, objects = client
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256, (40, 60), np.uint8) for _ in range(3)]
    places = [("train", "a", 0), ("test", "a", 0), ("train", "b", 1), ("train", "a", 1), ("test", "b", 2)]
    images = [
        DatasetImage(
            path=f"{split}/<{label}>/{number}.png",
            split=f"SPLIT_{split.upper()}",
            label=label,
            image=store_pixels(objects, "default", pixels[number]),
        )
        for split, label, number in places
    ]
    version = import_version(objects, "tenants/default/datasets/d", images)
    found = auditing.audit(images, lambda image: load_image_bytes(objects, image.image.name))
    found.shortcuts.append(Shortcut(property="size", target="label", accuracy=0.9, accuracy_low=0.8, chance=0.5))
    del found.outliers[:]
    found.outliers.append(Outlier(path=images[4].path, label="b", score=9.0))
    storage.put(objects, version.name, found)
    page = render(client, client.datasets.get_audit(f"{version.name}/audit"))
    assert page.count("data:image/jpeg;base64,") == 5
    assert "1 of 2 test images have a copy" in page
    assert "train/&lt;a&gt;/0.png" in page
    assert "across the splits</span>" in page
    assert "a and b</span>" in page
    assert "width: 90.0%" in page
    assert "http" not in page
    assert "<script" not in page


def test_an_audit_that_found_nothing_is_a_page_too(client) -> None:
    client, objects = client
    ref = store_pixels(objects, "default", np.zeros((4, 4), np.uint8))
    image = DatasetImage(path="x", label="a", split=Split.SPLIT_TRAIN, image=ref)
    version = import_version(objects, "tenants/default/datasets/d", [image])
    page = render(client, storage.put(objects, version.name, DatasetAudit(image_count=1)))
    assert "No two images show the same picture" in page
    assert "There is no test split" in page


def test_the_worst_pairs_are_those_of_two_labels_then_those_across_the_splits() -> None:
    def pair(name: str, labels: str = "aa", splits: tuple[str, str] = ("train", "train"), kind: str = "near"):
        return DuplicatePair(
            a=name, kind=kind, label_a=labels[0], label_b=labels[1], split_a=splits[0], split_b=splits[1]
        )

    pairs = [pair(f"within {number}") for number in range(PAIRS_PER_KIND)]
    pairs += [pair("across", splits=("test", "train")), pair("conflict", labels="ab"), pair("exact", kind="exact")]
    worst = worst_pairs(pairs)
    assert list(worst) == ["exact", "near"]
    assert [item.a for item in worst["near"]][:3] == ["conflict", "across", "within 0"]
    assert len(worst["near"]) == PAIRS_PER_KIND


def test_a_picture_that_cannot_be_decoded_is_left_out() -> None:
    assert thumbnail(b"broken") == "data:,"
    assert thumbnail(encode_png(np.zeros((400, 300), np.uint8))).startswith("data:image/jpeg")
