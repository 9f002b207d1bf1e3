"""The object store: a port, the adapter for MinIO's S3 API, and an in-memory fake."""

from synthoscope.objects.memory import InMemoryObjectStore
from synthoscope.objects.minio import MinioObjectStore, ObjectStoreSettings, check_bucket, make_bucket
from synthoscope.objects.store import ObjectInfo, ObjectStore

__all__ = [
    "InMemoryObjectStore",
    "MinioObjectStore",
    "ObjectInfo",
    "ObjectStore",
    "ObjectStoreSettings",
    "check_bucket",
    "make_bucket",
]
