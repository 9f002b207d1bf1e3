"""What every object store keeps to: the same tests on the fake and on a real S3 server."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from synthoscope.objects import InMemoryObjectStore, MinioObjectStore, ObjectInfo
from synthoscope.rpc.errors import NotFound


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.stack)])
def store(request):
    if request.param == "memory":
        return InMemoryObjectStore()
    return MinioObjectStore(request.getfixturevalue("object_store_settings"))


@pytest.fixture
def prefix():
    return f"tenants/t{uuid.uuid4().hex}"


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 40_000], ids=["empty", "one", "10MB"])
def test_an_object_comes_back_as_it_was_put(store, prefix, data):
    store.put(f"{prefix}/a", data)
    assert store.get(f"{prefix}/a") == data
    assert store.head(f"{prefix}/a") == ObjectInfo(f"{prefix}/a", len(data), {})


def test_a_file_s_next_bytes_become_an_object(store, prefix, tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 50_000)
    with (tmp_path / "file").open("rb") as file:
        file.seek(256)
        store.put_file(f"{prefix}/a", file, 12_000_000)
    assert store.get(f"{prefix}/a") == (bytes(range(256)) * 50_000)[256:12_000_256]


def test_an_object_says_when_it_was_written(store, prefix):
    store.put(f"{prefix}/a", b"x")
    found = [store.head(f"{prefix}/a"), *store.list(prefix)]
    assert len(found) == 2
    assert all(abs(datetime.now(UTC) - info.modified) < timedelta(minutes=5) for info in found)


def test_put_replaces_bytes_and_metadata(store, prefix):
    store.put(f"{prefix}/a", b"old", metadata={"width": "3"})
    store.put(f"{prefix}/a", b"newer", metadata={"mode": "L"})
    assert store.get(f"{prefix}/a") == b"newer"
    assert store.head(f"{prefix}/a").metadata == {"mode": "L"}


@pytest.mark.parametrize("put", ["put", "put_if_absent"])
def test_metadata_comes_back_with_lower_case_keys(store, prefix, put):
    getattr(store, put)(f"{prefix}/a", b"x", metadata={"Media-Type": "image/png", "mode": "I;16", "Width": "30"})
    assert store.head(f"{prefix}/a").metadata == {"media-type": "image/png", "mode": "I;16", "width": "30"}


def test_what_is_not_there(store, prefix):
    assert store.head(f"{prefix}/a") is None
    with pytest.raises(NotFound, match=f"{prefix}/a"):
        store.get(f"{prefix}/a")
    store.delete(f"{prefix}/a")
    assert list(store.list(prefix)) == []


def test_parts_of_an_object(store, prefix):
    store.put(f"{prefix}/a", b"0123456789")
    assert store.get_part(f"{prefix}/a", 0, 4) == b"0123"
    assert store.get_part(f"{prefix}/a", 4, 4) == b"4567"
    assert store.get_part(f"{prefix}/a", 8, 4) == b"89"
    with pytest.raises(NotFound, match=f"{prefix}/b"):
        store.get_part(f"{prefix}/b", 0, 4)


def test_a_deleted_object_is_gone(store, prefix):
    store.put(f"{prefix}/a", b"x")
    store.delete(f"{prefix}/a")
    assert store.head(f"{prefix}/a") is None
    assert store.put_if_absent(f"{prefix}/a", b"y")


def test_put_if_absent_keeps_what_is_there(store, prefix):
    assert store.put_if_absent(f"{prefix}/a", b"first")
    assert not store.put_if_absent(f"{prefix}/a", b"second")
    assert store.get(f"{prefix}/a") == b"first"


@pytest.mark.parametrize("key", ["a b+c", "ü", "a%2Fb", "a=b&c?d#e", "~.-_!*'()", "x" * 200])
def test_any_key_will_do(store, prefix, key):
    assert store.put_if_absent(f"{prefix}/{key}", b"1")
    assert not store.put_if_absent(f"{prefix}/{key}", b"2")
    assert store.get(f"{prefix}/{key}") == b"1"
    assert [info.key for info in store.list(f"{prefix}/")] == [f"{prefix}/{key}"]
    store.delete(f"{prefix}/{key}")
    assert store.head(f"{prefix}/{key}") is None


@pytest.mark.parametrize("size", [1, 200_000])
def test_of_eight_that_race_one_wins(store, prefix, size):
    for round_ in range(5):
        key = f"{prefix}/{round_}"
        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(lambda i: store.put_if_absent(key, bytes([i]) * size), range(8)))  # noqa: B023
        assert sum(won) == 1
        assert store.get(key) == bytes([won.index(True)]) * size


def test_listing_is_in_order_and_of_the_prefix_only(store, prefix):
    keys = [f"{prefix}/{name}" for name in ("a", "b/1", "b/2", "b/3/x", "c")]
    for key in reversed(keys):
        store.put(key, key.encode())
    store.put(f"{prefix}x/a", b"")
    assert [(info.key, info.size) for info in store.list(f"{prefix}/")] == [(key, len(key)) for key in keys]
    assert [info.key for info in store.list(f"{prefix}/b")] == keys[1:4]
    assert [info.key for info in store.list(f"{prefix}/b/")] == keys[1:4]
    assert [info.key for info in store.list(f"{prefix}/b/3/x")] == keys[3:4]


def test_listing_goes_on_after_any_key(store, prefix):
    keys = [f"{prefix}/{name}" for name in ("a", "b-1", "b/1", "b/2", "b0", "c/1")]
    for key in keys:
        store.put(key, b"")
    listed = [info.key for info in store.list(f"{prefix}/")]
    assert sorted(listed) == sorted(keys)
    for place, key in enumerate(listed):
        assert [info.key for info in store.list(f"{prefix}/", start_after=key)] == listed[place + 1 :]


def test_a_long_listing_is_whole(store, prefix):
    keys = [f"{prefix}/{number:04d}" for number in range(1100)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda key: store.put(key, b""), keys))
    assert [info.key for info in store.list(f"{prefix}/")] == keys
