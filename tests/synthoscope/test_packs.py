import pytest

from synthoscope import packs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.packs import PackedImage
from synthoscope.rpc.errors import DataLoss, NotFound


@pytest.fixture
def objects():
    return InMemoryObjectStore()


def stored(objects, first, last, records=(b"record",), images=None):
    pack_id = packs.new_id(first, last)
    packs.write(objects, "default", pack_id, records, images or {})
    return pack_id


def test_what_is_packed_is_read_again(objects):
    images = {"ab" * 32: PackedImage(b"\x89PNG", {"width": "3"}), "cd" * 32: PackedImage(b"", {})}
    pack_id = stored(objects, 5, 9, [b"one", b"", b"three"], images)
    assert packs.records(objects, "default", pack_id) == [b"one", b"", b"three"]
    assert {sha256: packs.image(objects, "default", pack_id, sha256) for sha256 in images} == images
    assert [info.key for info in objects.list("")] == [f"tenants/default/packs/{pack_id}"]
    assert packs.first_of(pack_id) == 5


def test_records_are_read_without_the_images(objects):
    images = {f"{number:064x}": PackedImage(bytes([number]) * 1_000_000, {}) for number in range(8)}
    pack_id = stored(objects, 5, 9, [b"one", b"two"], images)
    read = []
    part = objects.get_part
    objects.get_part = lambda key, start, size: read.append(size) or part(key, start, size)
    assert packs.records(objects, "default", pack_id) == [b"one", b"two"]
    assert sum(read) <= 2 * 256 * 1024
    assert packs.image(objects, "default", pack_id, f"{3:064x}").data == bytes([3]) * 1_000_000


def test_more_than_ten_records_keep_their_order(objects):
    records = [str(number).encode() for number in range(300)]
    assert packs.records(objects, "default", stored(objects, 0, 0, records)) == records


def test_what_is_not_there_is_not_found(objects):
    pack_id = stored(objects, 5, 9)
    with pytest.raises(NotFound):
        packs.image(objects, "default", pack_id, "ab" * 32)
    with pytest.raises(NotFound):
        packs.records(objects, "default", packs.new_id(5, 9))
    with pytest.raises(NotFound):
        packs.records(objects, "other", pack_id)
    with pytest.raises(NotFound):
        packs.first_of("none")


@pytest.mark.parametrize("change", [lambda data: data[:-5], lambda data: data.replace(b"some length", b"same length")])
def test_a_damaged_pack_is_data_loss(objects, change):
    pack_id = stored(objects, 5, 9, [b"a record of some length"])
    key = f"tenants/default/packs/{pack_id}"
    objects.put(key, change(objects.get(key)))
    with pytest.raises(DataLoss, match=pack_id):
        packs.records(objects, "default", pack_id)


def test_packs_are_found_by_the_time_of_their_records(objects):
    hour = 3600 * 1_000_000
    long = stored(objects, 10 * hour, 10 * hour + packs.LONGEST)
    short = stored(objects, 10 * hour + 1, 10 * hour + 2)
    late = stored(objects, 11 * hour, 11 * hour)
    assert list(packs.since(objects, "default", 0)) == [long, short, late]
    assert list(packs.since(objects, "default", 10 * hour + 3)) == [long, late]
    assert list(packs.since(objects, "default", 10 * hour + packs.LONGEST)) == [long, late]
    assert list(packs.since(objects, "default", 10 * hour + packs.LONGEST + 1)) == [late]
    assert list(packs.since(objects, "default", 12 * hour)) == []
    assert list(packs.since(objects, "other", 0)) == []
