"""What goes wrong with a real S3 server, and what it refuses."""

import socket
import threading
import time
import urllib.error
import urllib.request

import pytest
import servers
from pydantic import SecretStr

from synthoscope.objects import MinioObjectStore, ObjectStoreSettings, make_bucket
from synthoscope.rpc.errors import PermissionDenied, Unavailable

CALLS = {
    "put": lambda store: store.put("a", b""),
    "put_if_absent": lambda store: store.put_if_absent("a", b""),
    "get": lambda store: store.get("a"),
    "head": lambda store: store.head("a"),
    "list": lambda store: list(store.list("a")),
    "delete": lambda store: store.delete("a"),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def changed(settings, **values):
    return MinioObjectStore(settings.model_copy(update=values))


@pytest.mark.stack
@every_call
@pytest.mark.parametrize("wrong", [{"secret_key": SecretStr("wrong")}, {"access_key": "nobody"}], ids=["secret", "key"])
def test_wrong_credentials_are_refused(object_store_settings, call, wrong):
    with pytest.raises(PermissionDenied, match="refuses the credentials") as caught:
        call(changed(object_store_settings, **wrong))
    assert "wrong" not in caught.value.message


@pytest.mark.stack
def test_making_buckets_with_wrong_credentials(object_store_settings):
    with pytest.raises(PermissionDenied):
        make_bucket(object_store_settings.other_bucket("synthoscope-x", "tests", SecretStr("wrong")))


@pytest.mark.stack
@pytest.mark.parametrize("call", ["put", "put_if_absent", "get", "list", "delete"])
def test_a_bucket_that_is_not_there(object_store_settings, call):
    store = changed(object_store_settings, bucket="synthoscope-none")
    with pytest.raises(Unavailable, match="no bucket synthoscope-none"):
        CALLS[call](store)


@pytest.mark.stack
def test_head_cannot_tell_an_absent_bucket_from_an_absent_object(object_store_settings):
    assert changed(object_store_settings, bucket="synthoscope-none").head("a") is None  # the answer has no body


@pytest.mark.stack
def test_buckets_are_made_once(object_store_settings):
    made = object_store_settings.other_bucket("synthoscope-made")
    for _ in range(2):
        make_bucket(made)
    MinioObjectStore(made).put("a", b"x")


@pytest.mark.stack
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("key", ["", "/a"])
def test_nobody_without_credentials_is_let_in(object_store_settings, method, key):
    MinioObjectStore(object_store_settings).put("a", b"x")
    url = f"http://{object_store_settings.endpoint}/{object_store_settings.bucket}{key}"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, method=method, data=b"" if method == "PUT" else None))
    caught.value.close()
    assert caught.value.code == 403


@every_call
def test_a_server_that_is_away(call):
    settings = ObjectStoreSettings(endpoint="127.0.0.1:1", access_key="a", secret_key=SecretStr("b"))
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be reached"):
        call(MinioObjectStore(settings))
    assert time.monotonic() - begun < 5


@every_call
def test_a_server_that_never_answers(call):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = ObjectStoreSettings(
            endpoint=f"127.0.0.1:{silent.getsockname()[1]}",
            access_key="a",
            secret_key=SecretStr("b"),
            read_timeout=0.1,
            retries=1,
        )
        with pytest.raises(Unavailable):
            call(MinioObjectStore(settings))


@pytest.mark.stack
def test_what_was_stored_survives_a_killed_server(tmp_path):
    with servers.seaweedfs(tmp_path) as (settings, server):
        store = MinioObjectStore(settings.model_copy(update={"retries": 0}))
        for number in range(50):
            store.put(f"a/{number}", b"x" * 5000)
        server.kill()
        with pytest.raises(Unavailable):
            store.get("a/1")
        server.start()
        assert len(list(store.list("a/"))) == 50
        assert all(store.get(f"a/{number}") == b"x" * 5000 for number in range(50))


@pytest.mark.stack
def test_many_threads_share_a_store(object_store_settings):
    store = MinioObjectStore(object_store_settings)
    wrong = []

    def work(number):
        for step in range(10):
            store.put(f"threads/{number}", f"{number}/{step}".encode())
            if store.get(f"threads/{number}") != f"{number}/{step}".encode():
                wrong.append((number, step))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
