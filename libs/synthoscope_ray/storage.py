"""Where Ray keeps what it writes itself (the state of Train and Tune runs): a bucket that nothing else uses."""

from pyarrow.fs import S3FileSystem

from synthoscope.objects import ObjectStoreSettings


def ray_filesystem(settings: ObjectStoreSettings) -> S3FileSystem:
    """The object store as a filesystem for Ray's `storage_filesystem`; paths are `bucket/key`."""
    return S3FileSystem(
        endpoint_override=settings.endpoint,
        scheme="https" if settings.secure else "http",
        access_key=settings.access_key,
        secret_key=settings.secret_key.get_secret_value(),
        region=settings.region,
    )
