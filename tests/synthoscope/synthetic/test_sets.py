import hashlib
import json

import numpy as np
import pytest

from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticImage, SyntheticSet
from synthoscope.images.preprocessing import Pipeline
from synthoscope.images.storage import store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound
from synthoscope.synthetic import sets

NAME = "tenants/t/syntheticSets/s1"
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
LABELS = ("a", "b", "b")


def published(objects):
    images = [
        SyntheticImage(index=index, label=label, candidate=2 * index, image=store_pixels(objects, "t", pixels))
        for index, (label, pixels) in enumerate(zip(LABELS, PIXELS, strict=True))
    ]
    gan = models.publish(objects, "tenants/t/models/g", ModelVersion(kind=ModelKind.MODEL_KIND_GAN, image_size=8), {})
    record = SyntheticSet(name=NAME, model_version=gan.name, seed=4, grid=images[0].image)
    record.options.truncation = 0.5
    record.tallies["b"].refused["training_copy"] = 3
    return sets.publish(objects, record, images), images


def test_a_set_comes_back_as_it_was_published():
    objects = InMemoryObjectStore()
    record, images = published(objects)
    assert sets.get(objects, NAME) == record
    assert (dict(record.counts), record.image_count, record.seed) == ({"a": 1, "b": 2}, 3, 4)
    assert sets.read_images(objects, record) == images
    loaded = sets.load(objects, NAME, Pipeline().sized(8))
    np.testing.assert_array_equal(loaded.images, PIXELS)
    assert loaded.labels == LABELS


def test_the_list_says_how_the_set_was_made_and_what_was_refused():
    objects = InMemoryObjectStore()
    published(objects)
    listing = json.loads(objects.get(f"{NAME}/images.json"))
    assert listing["options"] == {"truncation": 0.5}
    assert listing["tallies"] == {"b": {"refused": {"training_copy": "3"}}}
    assert [image["candidate"] for image in listing["images"]] == [0, 2, 4]


def test_lists_from_before_candidates_were_counted_are_read():
    objects = InMemoryObjectStore()
    record, images = published(objects)
    listing = json.loads(objects.get(f"{NAME}/images.json"))
    old = json.dumps({"images": [{k: v for k, v in row.items() if k != "candidate"} for row in listing["images"]]})
    objects.put(f"{NAME}/images.json", old.encode())
    record.manifest_sha256 = hashlib.sha256(old.encode()).hexdigest()
    assert [image.image for image in sets.read_images(objects, record)] == [image.image for image in images]


def test_images_are_squeezed_to_the_size_asked_for():
    objects = InMemoryObjectStore()
    published(objects)
    assert sets.load(objects, NAME, Pipeline().sized(4)).images.shape == (3, 4, 4, 3)


def test_publishing_again_changes_nothing():
    objects = InMemoryObjectStore()
    first, _ = published(objects)
    assert published(objects)[0] == first


def test_unknown_and_malformed_names():
    with pytest.raises(NotFound):
        sets.get(InMemoryObjectStore(), NAME)
    with pytest.raises(InvalidInput, match="synthetic_sets"):
        sets.get(InMemoryObjectStore(), "tenants/t/models/m", "synthetic_sets")


@pytest.mark.parametrize("damage", ["delete", "replace"])
def test_a_damaged_list_is_data_loss(damage):
    objects = InMemoryObjectStore()
    published(objects)
    if damage == "delete":
        objects.delete(f"{NAME}/images.json")
    else:
        objects.put(f"{NAME}/images.json", b'{"images": []}')
    with pytest.raises(DataLoss):
        sets.load(objects, NAME, Pipeline().sized(8))
