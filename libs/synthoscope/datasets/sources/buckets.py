"""Files below an S3 prefix, read with the caller's own credentials."""

import os
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from synthoscope.datasets.paths import PATH_RULE, is_safe
from synthoscope.datasets.sources.scan import LARGEST_FILE, MOST_FILES, SourceFile
from synthoscope.objects.store import ObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted

SCHEME = "s3://"


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
    """The objects of a bucket. Raises InvalidInput for an endpoint that is no http or https URL."""
    from synthoscope.objects import MinioObjectStore, ObjectStoreSettings  # slow to import, and needed for S3 alone

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
    """Bucket and prefix of `s3://bucket/prefix`; the prefix ends with "/" or is empty. Raises InvalidInput."""
    bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise InvalidInput("source", f"{url!r} names no bucket; expected s3://bucket/prefix")
    prefix = prefix.strip("/")
    return bucket, f"{prefix}/" if prefix else ""


def files_below(objects: ObjectStore, prefix: str) -> list[SourceFile]:
    """The objects below a prefix, as files whose paths are relative to it; reads none of them.

    Raises InvalidInput for a key that is no path, ResourceExhausted over a million objects or for one over 64 MiB.
    """
    files: list[SourceFile] = []
    for info in objects.list(prefix):
        path = info.key.removeprefix(prefix)
        if not path or path.endswith("/"):  # what consoles store for an empty folder
            continue
        if not is_safe(path):
            raise InvalidInput(repr(info.key[:100]), f"below the prefix, a key {PATH_RULE}")
        if info.size > LARGEST_FILE:
            raise ResourceExhausted(f"{path}: has {info.size} bytes; at most {LARGEST_FILE} are accepted")
        if len(files) == MOST_FILES:
            raise ResourceExhausted(f"source: there are more than {MOST_FILES} objects below the prefix")
        files.append(SourceFile(path, partial(_read, objects, info.key, path)))
    return files


def _read(objects: ObjectStore, key: str, path: str) -> bytes:
    try:
        return objects.get(key)
    except NotFound as error:
        raise InvalidInput(path, "was removed from the bucket while it was read") from error
