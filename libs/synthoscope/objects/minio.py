"""The object store over the S3 API, by MinIO's client. Any S3 server will do: MinIO, SeaweedFS, Ceph, Amazon."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO, Self
from urllib.parse import quote, urlsplit

import urllib3
from minio import Minio
from minio import time as minio_time
from minio.credentials.credentials import Credentials
from minio.error import MinioException, S3Error
from minio.signer import sign_v4_s3
from pydantic import BaseModel, ConfigDict, SecretStr

from synthoscope.objects.store import ObjectInfo
from synthoscope.rpc.errors import NotFound, PermissionDenied, ResourceExhausted, SynthoscopeError, Unavailable

_META = "x-amz-meta-"
_BAD_CREDENTIALS = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AccountProblem"}
)
_FULL = frozenset({"XMinioStorageFull", "QuotaExceeded", "EntityTooLarge"})
_TAKEN = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
_NO_SECRET = SecretStr("")


class ObjectStoreSettings(BaseModel):
    """Where the object store is, and as whom: endpoint is `host:port`; timeouts are in seconds."""

    model_config = ConfigDict(frozen=True)

    endpoint: str
    access_key: str
    secret_key: SecretStr
    bucket: str = "synthoscope"
    secure: bool = False
    region: str = "us-east-1"
    connect_timeout: float = 3.0
    read_timeout: float = 30.0
    retries: int = 2
    connections: int = 32

    def other_bucket(self, bucket: str, access_key: str = "", secret_key: SecretStr = _NO_SECRET) -> Self:
        """Another bucket of this server; as another identity if a key is given."""
        identity = {"access_key": access_key, "secret_key": secret_key} if access_key else {}
        return self.model_copy(update={"bucket": bucket, **identity})


class MinioObjectStore:
    """Objects in one bucket of an S3 server."""

    def __init__(self, settings: ObjectStoreSettings) -> None:
        self._settings = settings
        self._http = _http_pool(settings)
        self._client = _client(settings, self._http)

    def put(self, key: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> None:
        """Stores an object, replacing one that is there."""
        with _translated(self._settings, key):
            self._client.put_object(
                self._settings.bucket, key, io.BytesIO(data), len(data), metadata=dict(metadata or {})
            )

    def put_file(self, key: str, file: BinaryIO, size: int) -> None:
        """Stores the next `size` bytes of a file, part by part."""
        with _translated(self._settings, key):
            self._client.put_object(self._settings.bucket, key, file, size)

    def put_if_absent(self, key: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Stores an object unless the key is taken; returns whether it was stored.

        When the server's answer is lost, Unavailable is raised though the object may be there: the caller tries again
        and compares what it finds.
        """
        # The client's put_object cannot send If-None-Match, so the request is signed here by the client's own signer.
        with _translated(self._settings, key):
            response = self._signed_put(key, data, {"If-None-Match": "*"} | _meta_headers(metadata))
            if response.status == 412:
                return False
            if response.status != 200:
                raise _error_of(response)
            return True

    def get(self, key: str) -> bytes:
        """An object's bytes. Raises NotFound."""
        return self._get(key)

    def get_part(self, key: str, start: int, size: int) -> bytes:
        """At most `size` bytes of an object from `start` on. Raises NotFound."""
        return self._get(key, start, size)

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of an object; None when there is none."""
        try:
            with _translated(self._settings, key):
                found = self._client.stat_object(self._settings.bucket, key)
        except NotFound:
            return None
        headers = {name.lower(): value for name, value in (found.metadata or {}).items()}
        metadata = {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)}
        return ObjectInfo(key, found.size or 0, metadata, found.last_modified)

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """The objects whose key starts with `prefix` and sorts after `start_after`, in order of their keys."""
        with _translated(self._settings, prefix):
            found = self._client.list_objects(
                self._settings.bucket, prefix=prefix, recursive=True, start_after=start_after or None
            )
            for item in found:
                if not item.is_dir:
                    yield ObjectInfo(item.object_name, item.size or 0, modified=item.last_modified)

    def delete(self, key: str) -> None:
        """Removes an object; nothing happens when there is none."""
        with _translated(self._settings, key):
            self._client.remove_object(self._settings.bucket, key)

    def _get(self, key: str, start: int = 0, size: int = 0) -> bytes:
        with _translated(self._settings, key):  # to the client, a length of 0 is all of it
            response = self._client.get_object(self._settings.bucket, key, offset=start, length=size)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

    def _signed_put(self, key: str, data: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        settings = self._settings
        scheme = "https" if settings.secure else "http"
        url = urlsplit(f"{scheme}://{settings.endpoint}/{settings.bucket}/{quote(key, safe='/-._~')}")
        digest, now = hashlib.sha256(data).hexdigest(), minio_time.utcnow()
        to_sign = {
            "Host": url.netloc,
            "Content-Type": "application/octet-stream",
            "x-amz-content-sha256": digest,
            "x-amz-date": minio_time.to_amz_date(now),
            **headers,
        }
        signed = sign_v4_s3(
            method="PUT",
            url=url,
            region=settings.region,
            headers=dict(to_sign),
            credentials=Credentials(settings.access_key, settings.secret_key.get_secret_value()),
            content_sha256=digest,
            date=now,
        )
        # Only connecting is tried again: a second PUT after a lost answer would find the first one's object.
        retries = urllib3.Retry(total=None, connect=settings.retries, read=0, status=0, other=0, backoff_factor=0.2)
        return self._http.request(
            "PUT",
            url.geturl(),
            body=data,
            headers={name: str(value) for name, value in signed.items()},
            retries=retries,
        )


def make_bucket(settings: ObjectStoreSettings) -> None:
    """Makes the settings' bucket unless it is there. Raises Unavailable or PermissionDenied."""
    client, bucket = _client(settings, _http_pool(settings)), settings.bucket
    with _translated(settings, bucket):
        if client.bucket_exists(bucket):
            return
        try:
            client.make_bucket(bucket)
        except S3Error as error:
            if error.code not in _TAKEN:
                raise


def check_bucket(settings: ObjectStoreSettings) -> None:
    """Asks for the settings' bucket, once and for a few seconds at most. Raises Unavailable or PermissionDenied."""
    impatient = settings.model_copy(update={"connect_timeout": 2.0, "read_timeout": 2.0, "retries": 0})
    with _translated(impatient, impatient.bucket), _http_pool(impatient) as http:
        if not _client(impatient, http).bucket_exists(impatient.bucket):
            raise _from_code("NoSuchBucket", impatient, impatient.bucket)


def _http_pool(settings: ObjectStoreSettings) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=settings.connect_timeout, read=settings.read_timeout),
        maxsize=settings.connections,
        retries=urllib3.Retry(
            total=settings.retries, backoff_factor=0.2, backoff_jitter=0.2, status_forcelist=[500, 502, 503, 504]
        ),
    )


def _client(settings: ObjectStoreSettings, http: urllib3.PoolManager) -> Minio:
    return Minio(
        settings.endpoint,
        access_key=settings.access_key,
        secret_key=settings.secret_key.get_secret_value(),
        secure=settings.secure,
        region=settings.region,
        http_client=http,
    )


def _meta_headers(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return {f"{_META}{name}": value for name, value in (metadata or {}).items()}


def _error_of(response: urllib3.BaseHTTPResponse) -> Exception:
    if "xml" in response.headers.get("content-type", "") and response.data:
        return S3Error.fromxml(response)
    return MinioException(f"the object store answered HTTP {response.status}")


@contextmanager
def _translated(settings: ObjectStoreSettings, key: str) -> Iterator[None]:
    """The one place where the client's errors become ours."""
    try:
        yield
    except S3Error as error:
        raise _from_code(error.code or "", settings, key) from error
    except (urllib3.exceptions.HTTPError, MinioException, OSError) as error:
        raise Unavailable(f"the object store at {settings.endpoint} cannot be reached") from error


def _from_code(code: str, settings: ObjectStoreSettings, key: str) -> SynthoscopeError:
    if code == "NoSuchKey":
        return NotFound(f"there is no object {key}")
    if code in _BAD_CREDENTIALS:
        return PermissionDenied(f"the object store at {settings.endpoint} refuses the credentials ({code})")
    if code in _FULL:
        return ResourceExhausted(f"the object store has no room for {key} ({code})")
    if code == "NoSuchBucket":
        return Unavailable(f"the object store at {settings.endpoint} has no bucket {settings.bucket}")
    if code == "RequestTimeTooSkewed":
        return Unavailable("the object store's clock and this machine's differ by more than it allows")
    return Unavailable(f"the object store at {settings.endpoint} failed ({code})")
