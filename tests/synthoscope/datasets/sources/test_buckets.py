import zipfile
from pathlib import Path

import dicoms
import numpy as np
import pytest
from pydantic import SecretStr

from synthoscope.api.datasets.v1.datasets_pb2 import Split
from synthoscope.datasets.sources import S3Access, SourceOptions, buckets, open_source
from synthoscope.datasets.sources.buckets import files_below, open_bucket, split_url
from synthoscope.images.decoding import decode
from synthoscope.objects import InMemoryObjectStore, MinioObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, PermissionDenied, ResourceExhausted

ENVIRONMENT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush"}
PIXELS = np.arange(64, dtype=np.uint8).reshape(8, 8)


def test_urls():
    assert split_url("s3://bucket/a/b/") == ("bucket", "a/b")
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


def test_names_that_no_bucket_has_are_refused():
    for name in ("b", "my_bucket", "a..b", "1.2.3.4"):
        with pytest.raises(InvalidInput, match="cannot be the name of a bucket"):
            open_bucket(name, S3Access.find("", ENVIRONMENT))


def test_large_objects_are_refused_before_they_are_read():
    objects = InMemoryObjectStore()
    objects.put("train/a/1.png", bytes((64 << 20) + 1))
    objects.put("labels.csv", b"path,label\n")
    (table, large) = files_below(objects, "")
    assert table.read() == b"path,label\n"
    with pytest.raises(ResourceExhausted, match=r"train/a/1\.png"):
        large.read()


@pytest.fixture
def bucket(monkeypatch):
    """A bucket in memory, which `open_source` takes for any s3:// source."""
    objects = InMemoryObjectStore()
    monkeypatch.setattr(buckets, "open_bucket", lambda name, access: objects)
    return objects


def found_in(source: str, **options: object) -> tuple[set[tuple[str, str, str, bytes]], tuple[str, ...]]:
    """Path, class, patient and bytes of the images of a source, and its notes."""
    access = S3Access.find("", ENVIRONMENT)
    with open_source(source, SourceOptions(s3=access, **options)) as found:
        return {(image.path, image.label, image.patient, image.file.read()) for image in found.images}, found.notes


TABLE = b"path,label,patient,split\nx/1.png,a,p1,train\nx/2.png,b,p2,train\n"
LABELLED = {("x/1.png", "a", "p1", b"1"), ("x/2.png", "b", "p2", b"2")}


def put_images(objects: InMemoryObjectStore) -> None:
    for name in "123":
        objects.put(f"set/x/{name}.png", name.encode())


def test_a_table_in_the_bucket(bucket):
    put_images(bucket)
    bucket.put("set/labels.csv", TABLE)
    bucket.put("other/labels.csv", TABLE)
    images, notes = found_in("s3://bucket/set/labels.csv")
    assert images == LABELLED
    assert "1 images are not used: labels.csv has no row for them, or one for validation" in notes
    assert found_in("s3://bucket/set") == (images, notes)
    with pytest.raises(InvalidInput, match=r"labels\.csv line 2: there is no file 'x/1\.png'"):
        found_in("s3://bucket/other/labels.csv")
    with pytest.raises(InvalidInput, match="labels: goes with"):
        found_in("s3://bucket/set/labels.csv", labels=Path("labels.csv"))


def test_a_table_of_the_callers(bucket, tmp_path):
    put_images(bucket)
    (tmp_path / "mine.csv").write_bytes(TABLE)
    assert found_in("s3://bucket/set", labels=tmp_path / "mine.csv")[0] == LABELLED
    bucket.put("set/y/second.csv", TABLE)
    bucket.put("set/labels.csv", TABLE)
    with pytest.raises(InvalidInput, match="several tables"):
        found_in("s3://bucket/set")


def test_dicom_files_by_their_uids(bucket):
    bucket.put("set/any/name.dcm", dicoms.dicom(PIXELS))
    bucket.put("set/labels.csv", f"SOPInstanceUID,label,split\n{dicoms.INSTANCE},a,train\n".encode())
    ((path, label, patient, _),) = found_in("s3://bucket/set")[0]
    assert (path, label, patient) == ("any/name.dcm", "a", "PAT-1")


def test_archives_in_the_bucket(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "_COPIED_BYTES", 100)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in ("train/a/1.png", "train/b/2.png"):
            archive.writestr(path, path)
    bucket.put("sets/set.zip", (tmp_path / "set.zip").read_bytes())
    images, _ = found_in("s3://bucket/sets/set.zip")
    assert images == {(f"train/{name}", name[0], "", f"train/{name}".encode()) for name in ("a/1.png", "b/2.png")}
    arrays = {"train_images": PIXELS[None], "train_labels": np.array([0])}
    np.savez(tmp_path / "set.npz", **arrays)
    bucket.put("set.npz", (tmp_path / "set.npz").read_bytes())
    ((path, label, _, data),) = found_in("s3://bucket/set.npz", class_names=("normal",))[0]
    assert (path, label) == ("train/normal/000000.png", "normal")
    assert np.array_equal(decode(data).pixels[:, :, 0], PIXELS)


def test_archives_that_are_damaged_or_too_large(bucket, monkeypatch):
    bucket.put("set.zip", b"PK nothing")
    with pytest.raises(InvalidInput, match=r"set\.zip: is no ZIP archive"):
        found_in("s3://bucket/set.zip")
    monkeypatch.setattr(buckets, "LARGEST_CONTENT", 3)
    with pytest.raises(ResourceExhausted, match=r"set\.zip: has 10 bytes; at most 3"):
        found_in("s3://bucket/set.zip")
    with pytest.raises(InvalidInput, match="holds no images"):
        found_in("s3://bucket/absent.zip")


@pytest.mark.stack
def test_everything_from_a_real_server(object_store_settings, tmp_path):
    objects = MinioObjectStore(object_store_settings)
    for path in ("train/a/1.png", "train/b/2.png", "test/a/3.png", "readme.txt"):
        objects.put(f"some/set/{path}", path.encode())
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("train/a/1.png", "train/a/1.png")
    objects.put("some/set.zip", (tmp_path / "set.zip").read_bytes())
    objects.put("some/labels.csv", b"path,label,split\nset/train/a/1.png,a,train\n")
    access = S3Access(
        endpoint=f"http://{object_store_settings.endpoint}",
        access_key=object_store_settings.access_key,
        secret_key=object_store_settings.secret_key,
    )
    some = f"s3://{object_store_settings.bucket}/some"
    with open_source(f"{some}/set", SourceOptions(s3=access)) as found:
        assert {(image.path, image.split, image.label, image.file.read()) for image in found.images} == {
            ("train/a/1.png", Split.SPLIT_TRAIN, "a", b"train/a/1.png"),
            ("train/b/2.png", Split.SPLIT_TRAIN, "b", b"train/b/2.png"),
            ("test/a/3.png", Split.SPLIT_TEST, "a", b"test/a/3.png"),
        }
    for source, path in ((f"{some}/set.zip", "train/a/1.png"), (f"{some}/labels.csv", "set/train/a/1.png")):
        with open_source(source, SourceOptions(s3=access)) as found:
            assert [(image.path, image.label, image.file.read()) for image in found.images] == [
                (path, "a", b"train/a/1.png")
            ]
    stranger = access.model_copy(update={"secret_key": SecretStr("wrong")})
    with pytest.raises(PermissionDenied), open_source(f"{some}/set", SourceOptions(s3=stranger)):
        pass
