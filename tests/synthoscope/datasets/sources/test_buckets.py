import pytest
from pydantic import SecretStr

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources import S3Access, SourceOptions, open_source
from synthoscope.datasets.sources.buckets import files_below, open_bucket, split_url
from synthoscope.objects import InMemoryObjectStore, MinioObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, PermissionDenied, ResourceExhausted

ENVIRONMENT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush"}


def test_urls():
    assert split_url("s3://bucket/a/b/") == ("bucket", "a/b/")
    assert split_url("s3://bucket") == ("bucket", "")
    with pytest.raises(InvalidInput, match="names no bucket"):
        split_url("s3:///a")


def test_access_comes_from_the_environment():
    access = S3Access.find("https://elsewhere", ENVIRONMENT)
    assert (access.endpoint, access.access_key) == ("https://elsewhere", "key")
    assert "hush" not in repr(access)
    with pytest.raises(FailedPrecondition, match="AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY in the environment"):
        S3Access.find("https://elsewhere", {})
    with pytest.raises(InvalidInput, match="https://host"):
        open_bucket("bucket", S3Access.find("ftp://elsewhere", ENVIRONMENT))


def test_keys_that_are_no_paths_are_refused():
    objects = InMemoryObjectStore()
    objects.put("set/", b"")
    objects.put("set/train/a/1.png", b"1")
    assert [file.path for file in files_below(objects, "set/")] == ["train/a/1.png"]
    objects.put("set/train/../2.png", b"2")
    with pytest.raises(InvalidInput, match="below the prefix, a key must be a relative path"):
        files_below(objects, "set/")


def test_large_objects_are_refused_before_they_are_read():
    objects = InMemoryObjectStore()
    objects.put("train/a/1.png", bytes((64 << 20) + 1))
    with pytest.raises(ResourceExhausted, match=r"train/a/1\.png"):
        files_below(objects, "")


@pytest.mark.stack
def test_class_folders_below_a_prefix(object_store_settings):
    objects = MinioObjectStore(object_store_settings)
    for path in ("train/a/1.png", "train/b/2.png", "test/a/3.png", "readme.txt"):
        objects.put(f"some/set/{path}", path.encode())
    access = S3Access(
        endpoint=f"http://{object_store_settings.endpoint}",
        access_key=object_store_settings.access_key,
        secret_key=object_store_settings.secret_key,
    )
    source = f"s3://{object_store_settings.bucket}/some/set"
    with open_source(source, SourceOptions(s3=access)) as found:
        assert {(image.path, image.split, image.label, image.file.read()) for image in found.images} == {
            ("train/a/1.png", Split.SPLIT_TRAIN, "a", b"train/a/1.png"),
            ("train/b/2.png", Split.SPLIT_TRAIN, "b", b"train/b/2.png"),
            ("test/a/3.png", Split.SPLIT_TEST, "a", b"test/a/3.png"),
        }
    stranger = access.model_copy(update={"secret_key": SecretStr("wrong")})
    with pytest.raises(PermissionDenied), open_source(source, SourceOptions(s3=stranger)):
        pass
