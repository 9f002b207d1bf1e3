import hashlib
import io
import json
import tarfile

import numpy as np
import pytest

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion, Derivation, Split
from synthoscope.datasets import shards, versions
from synthoscope.datasets.reading import read_split
from synthoscope.datasets.shards import Shard, ShardWriter
from synthoscope.images.storage import load_image_bytes, store_pixels
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import DataLoss, NotFound, Unavailable

TRAIN, TEST = Split.SPLIT_TRAIN, Split.SPLIT_TEST
DATASET = "tenants/default/datasets/d"


class CountingStore(InMemoryObjectStore):
    """Knows which keys were read."""

    def __init__(self):
        super().__init__()
        self.read = []

    def get(self, key):
        self.read.append(key)
        return super().get(key)

    def reads(self, part):
        """How many keys with `part` were read since it was last asked."""
        found = sum(part in key for key in self.read)
        self.read.clear()
        return found


@pytest.fixture
def objects():
    return CountingStore()


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_BYTES", 100_000)


def some_images(objects, numbers, split=TRAIN, label="a"):
    return [
        DatasetImage(
            path=f"{number:03}.png",
            split=split,
            label=label,
            image=store_pixels(objects, "default", np.full((9, 9), number, np.uint8)),
        )
        for number in numbers
    ]


def derived(objects, parent, images):
    derivation = Derivation(parents=[parent.name])
    derivation.subset.most_per_class = len(images)
    return versions.store(objects, DATASET, images, derivation=derivation)


def read(objects, version, images, split=TRAIN):
    found = list(read_split(objects, version, split, images))
    assert len(found) == len({image.image.sha256 for image in images})
    for sha256, data in found:
        assert hashlib.sha256(data).hexdigest() == sha256
    assert {sha256 for sha256, _ in found} == {image.image.sha256 for image in images}


def test_the_first_reader_makes_shards_and_the_next_reads_nothing_else(objects, small_shards):
    images = some_images(objects, range(120))
    images += [DatasetImage(path="twin.png", split=TRAIN, label="b", image=images[3].image)]
    version = versions.store(objects, DATASET, images)
    read(objects, version, images)
    assert objects.reads("/images/") == 120
    made = shards.find(objects, version)
    assert len(made) > 2
    assert all(shard.size <= 100_000 for shard in made)
    objects.read.clear()
    read(objects, version, images)
    assert len([key for key in objects.read if key.endswith(".tar")]) == len(made)
    assert objects.reads("/images/") == 0


def test_a_shard_is_a_tar_file_in_webdatasets_layout(objects):
    images = some_images(objects, range(16), label="tumour")
    version = versions.store(objects, DATASET, images)
    read(objects, version, images)
    (shard,) = shards.find(objects, version)
    data = objects.get(shard.key)
    assert shard.key == f"{version.name}/shards/{hashlib.sha256(data).hexdigest()}.tar"
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
        stored = [(member.name, tar.extractfile(member).read()) for member in members]
    for image, (name, pixels), (name_of_facts, facts) in zip(images, stored[::2], stored[1::2], strict=True):
        key = image.image.sha256
        assert (name, name_of_facts) == (f"{key}.png", f"{key}.json")
        assert pixels == load_image_bytes(objects, image.image.name)
        assert json.loads(facts) == {"path": image.path, "split": "train", "label": "tumour"}
        start, size = shard.spans[key]
        assert data[start : start + size] == pixels
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}


def test_two_writers_give_the_same_bytes():
    kept = []
    for _ in range(2):
        objects = InMemoryObjectStore()
        images = some_images(objects, range(20))
        version = versions.store(objects, DATASET, images)
        read(objects, version, images)
        prefix = f"{version.name}/shards/"
        kept.append({info.key: objects.get(info.key) for info in objects.list(prefix)})
    assert kept[0] == kept[1]
    assert len(kept[0]) == 2


def test_splits_have_shards_of_their_own(objects):
    train, test = some_images(objects, range(20)), some_images(objects, range(20, 40), TEST)
    version = versions.store(objects, DATASET, [*train, *test])
    read(objects, version, train)
    objects.reads("")
    read(objects, version, test, TEST)
    assert objects.reads("/images/") == 20
    assert len(shards.find(objects, version)) == 2


def test_a_derived_version_reads_its_parents_shards_and_packs_only_what_they_lack(objects):
    images = some_images(objects, range(30))
    version = versions.store(objects, DATASET, images)
    read(objects, version, images)
    fewer = derived(objects, version, images[5:])
    further = derived(objects, fewer, [*images[10:], *some_images(objects, range(30, 60))])
    objects.reads("")
    read(objects, fewer, images[5:])
    assert objects.reads("/images/") == 0
    assert not list(objects.list(f"{fewer.name}/shards/"))
    both = [*images[10:], *some_images(objects, range(30, 60))]
    read(objects, further, both)
    assert objects.reads("/images/") == 30
    (own, of_the_grandparent) = shards.find(objects, further)
    assert (len(own.spans), len(of_the_grandparent.spans)) == (30, 30)
    objects.reads("")
    read(objects, further, both)
    assert objects.reads("/images/") == 0


def test_a_shard_is_only_read_when_that_costs_less_than_its_images_alone():
    def shard(name, *keys):
        return Shard(name, 30 * 2**20, dict.fromkeys(keys, (0, 10000)))

    many = [str(number) for number in range(200)]
    assert shards.choose([shard("s", *many)], set(many[:5])) == []
    (reading,) = shards.choose([shard("s", *many)], set(many[:150]))
    assert reading.wanted == tuple(many[:150])
    overlapping = [shard("s", *many[:150]), shard("t", *many[50:], *"abc")]
    assert [reading.shard.key for reading in shards.choose(overlapping, {*many, *"abc"})] == ["s"]


@pytest.mark.parametrize("damage", [b"", b"something else", None])
def test_a_lost_or_damaged_shard_costs_time_but_no_image(objects, damage):
    images = some_images(objects, range(20))
    version = versions.store(objects, DATASET, images)
    read(objects, version, images)
    (shard,) = shards.find(objects, version)
    if damage is None:
        objects.delete(shard.key)
    else:
        objects.put(shard.key, damage)
    objects.reads("")
    read(objects, version, images)
    assert objects.reads("/images/") == 20


def test_one_flipped_bit_is_found(objects):
    images = some_images(objects, range(20))
    version = versions.store(objects, DATASET, images)
    read(objects, version, images)
    (shard,) = shards.find(objects, version)
    data = bytearray(objects.get(shard.key))
    start, size = shard.spans[images[4].image.sha256]
    data[start + size // 2] ^= 1
    objects.put(shard.key, bytes(data))
    objects.reads("")
    read(objects, version, images)
    assert objects.reads("/images/") == 1


@pytest.mark.parametrize("listing", [b"\xff", b"{}", b'{"shards":[{"sha256":"a","sizeBytes":1,"images":[["a"]]}]}'])
def test_a_damaged_list_counts_as_none(objects, listing):
    images = some_images(objects, range(20))
    version = versions.store(objects, DATASET, images)
    read(objects, version, images)
    objects.put(f"{version.name}/shards/train.json", listing)
    assert shards.find(objects, version) == []
    read(objects, version, images)


def test_few_or_large_images_are_left_alone(objects, monkeypatch):
    few = some_images(objects, range(15))
    version = versions.store(objects, DATASET, few)
    read(objects, version, few)
    assert not list(objects.list(f"{version.name}/shards/"))
    monkeypatch.setattr(shards, "LARGEST_PACKED", 10)
    large = some_images(objects, range(20))
    version = versions.store(objects, DATASET, large)
    read(objects, version, large)
    assert shards.find(objects, version) == []


def test_reading_goes_on_when_shards_cannot_be_stored():
    class Full(InMemoryObjectStore):
        def put(self, key, data, *, metadata=None):
            if key.endswith(".tar"):
                raise Unavailable("no room")
            super().put(key, data, metadata=metadata)

    objects = Full()
    images = some_images(objects, range(20))
    version = versions.store(objects, DATASET, images)
    read(objects, version, images)
    assert not list(objects.list(f"{version.name}/shards/"))


def test_an_image_that_is_gone_is_said_and_no_list_is_written(objects):
    images = some_images(objects, range(20))
    version = versions.store(objects, DATASET, images)
    objects.delete(images[7].image.name)
    with pytest.raises(NotFound, match=images[7].image.sha256):
        list(read_split(objects, version, TRAIN, images))
    objects.put(images[7].image.name, b"other")
    with pytest.raises(DataLoss):
        list(read_split(objects, version, TRAIN, images))
    assert not list(objects.list(f"{version.name}/shards/"))


def test_removing_takes_the_list_first(objects):
    images = some_images(objects, range(20))
    version = versions.store(objects, DATASET, images)
    read(objects, version, images)
    gone = []
    delete = objects.delete
    objects.delete = lambda key: (gone.append(key), delete(key))
    shards.remove(objects, version.name)
    assert [key.endswith(".json") for key in gone] == [True, False]
    assert shards.find(objects, version) == []
    shards.remove(objects, version.name)


def test_an_aborted_writer_stores_no_list(objects):
    (image,) = some_images(objects, [1])

    def abort():
        with ShardWriter(objects, f"{DATASET}/versions/v", TRAIN) as writer:
            writer.add(image, b"data")
            raise KeyError

    with pytest.raises(KeyError):
        abort()
    assert not list(objects.list(DATASET))


def test_versions_without_shards_have_none(objects):
    version = DatasetVersion(name=f"{DATASET}/versions/v", derivation=Derivation(parents=[f"{DATASET}/versions/w"]))
    assert shards.find(objects, version) == []
