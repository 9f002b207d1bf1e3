"""Objects of an S3 bucket as files, read with the caller's own credentials."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from synthoscope.datasets.paths import PATH_RULE, is_safe
from synthoscope.datasets.sources.archives import LARGEST_CONTENT
from synthoscope.datasets.sources.scan import MOST_FILES, SourceFile
from synthoscope.images.decoding import LARGEST_FILE
from synthoscope.objects.store import ObjectInfo, ObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted

SCHEME = "s3://"

_BUCKET_RULE = "has 3 to 63 lower-case letters, digits, '-' or '.', and begins and ends with a letter or digit"
_COPIED_BYTES = 16 << 20


class S3Access(BaseModel):
    """Where an S3 server is (`https://host:port`), and as whom to read from it."""

    model_config = ConfigDict(frozen=True)

    endpoint: str
    access_key: str
    secret_key: SecretStr
    region: str = "us-east-1"

    @classmethod
    def find(cls, endpoint: str = "", environment: Mapping[str, str] = os.environ) -> "S3Access":
        """From AWS_ENDPOINT_URL (or `endpoint`), AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION.

        Raises FailedPrecondition, naming it, when one of the first three is missing.
        """
        given = {
            "AWS_ENDPOINT_URL": endpoint or environment.get("AWS_ENDPOINT_URL", ""),
            "AWS_ACCESS_KEY_ID": environment.get("AWS_ACCESS_KEY_ID", ""),
            "AWS_SECRET_ACCESS_KEY": environment.get("AWS_SECRET_ACCESS_KEY", ""),
        }
        if absent := [name for name, value in given.items() if not value]:
            raise FailedPrecondition(f"reading from S3 needs {', '.join(absent)} in the environment")
        url, access_key, secret_key = given.values()
        region = environment.get("AWS_REGION", "us-east-1")
        return cls(endpoint=url, access_key=access_key, secret_key=SecretStr(secret_key), region=region)


def open_bucket(bucket: str, access: S3Access) -> ObjectStore:
    """The objects of a bucket. Raises InvalidInput for what cannot be a bucket's name, or an http or https URL."""
    from minio.helpers import check_bucket_name  # slow to import, and needed for S3 alone

    from synthoscope.objects import MinioObjectStore, ObjectStoreSettings

    try:
        check_bucket_name(bucket, strict=True)
    except ValueError as error:
        raise InvalidInput("source", f"{bucket[:80]!r} cannot be the name of a bucket, which {_BUCKET_RULE}") from error
    url = urlsplit(access.endpoint)
    if url.scheme not in ("http", "https") or not url.netloc or url.path.strip("/"):
        raise InvalidInput("endpoint", "must have the form https://host or http://host:port")
    return MinioObjectStore(
        ObjectStoreSettings(
            endpoint=url.netloc,
            access_key=access.access_key,
            secret_key=access.secret_key,
            bucket=bucket,
            secure=url.scheme == "https",
            region=access.region,
        )
    )


def split_url(url: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`; the key may be empty. Raises InvalidInput."""
    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise InvalidInput("source", f"{url!r} names no bucket; expected s3://bucket/prefix")
    return bucket, key.strip("/")


def object_at(objects: ObjectStore, key: str, largest: int = LARGEST_FILE) -> SourceFile | None:
    """The object of a key as a file, called what follows the key's last "/"; None when there is none."""
    info = objects.head(key)
    return None if info is None else _file(objects, info, key.rpartition("/")[2], largest)


def files_below(objects: ObjectStore, prefix: str) -> list[SourceFile]:
    """The objects below a prefix ("" or with "/" at its end) as files whose paths are relative to it; reads none.

    Raises InvalidInput for a key that is no path, ResourceExhausted over a million objects.
    """
    files: list[SourceFile] = []
    for info in objects.list(prefix):
        path = info.key.removeprefix(prefix)
        if not path or path.endswith("/"):  # what consoles store for an empty folder
            continue
        if not is_safe(path):
            raise InvalidInput(repr(info.key[:100]), f"below the prefix, a key {PATH_RULE}")
        if len(files) == MOST_FILES:
            raise ResourceExhausted(f"source: there are more than {MOST_FILES} objects below the prefix")
        files.append(_file(objects, info, path, LARGEST_FILE))
    return files


def copy_object(objects: ObjectStore, key: str, folder: Path) -> Path | None:
    """A copy of an object in `folder`, got in pieces; None when there is no object of that key.

    Raises ResourceExhausted over 64 GiB, or when the disk is full.
    """
    info = objects.head(key)
    if info is None:
        return None
    copy = folder / key.rpartition("/")[2]
    if info.size > LARGEST_CONTENT:
        raise ResourceExhausted(f"{copy.name}: has {info.size} bytes; at most {LARGEST_CONTENT} are accepted")
    try:
        with copy.open("wb") as content:
            for start in range(0, info.size, _COPIED_BYTES):
                content.write(objects.get_part(key, start, _COPIED_BYTES))
    except NotFound as error:
        raise _removed(copy.name) from error
    except OSError as error:
        raise ResourceExhausted(
            f"{copy.name}: there is no room for its {info.size} bytes in {folder.parent}; set TMPDIR to a larger place"
        ) from error
    return copy


def _file(objects: ObjectStore, info: ObjectInfo, path: str, largest: int) -> SourceFile:
    return SourceFile(path, partial(_read, objects, info, path, largest))


def _read(objects: ObjectStore, info: ObjectInfo, path: str, largest: int) -> bytes:
    if info.size > largest:
        raise ResourceExhausted(f"{path}: has {info.size} bytes; at most {largest} are accepted")
    try:
        return objects.get(info.key)
    except NotFound as error:
        raise _removed(path) from error


def _removed(path: str) -> InvalidInput:
    return InvalidInput(path, "was removed from the bucket while it was read")
