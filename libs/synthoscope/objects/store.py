"""The object store as the platform sees it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class ObjectInfo:
    """What is known of an object without its bytes.

    Size in bytes, the metadata it was stored with (lower case), and when it was last written (UTC).
    """

    key: str
    size: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    modified: datetime | None = field(default=None, compare=False)


class ObjectStore(Protocol):
    """Bytes by key, in one bucket. Safe for use from several threads.

    Every method raises Unavailable when the store cannot be reached and PermissionDenied when it refuses the
    credentials.
    """

    def put(self, key: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> None:
        """Stores an object, replacing one that is there. Metadata keys and values are ASCII."""

    def put_file(self, key: str, file: BinaryIO, size: int) -> None:
        """Stores the next `size` bytes of a file, as `put` does, without holding them all in memory."""

    def put_if_absent(self, key: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Stores an object unless the key is taken (S3's If-None-Match: *); returns whether it was stored."""

    def get(self, key: str) -> bytes:
        """An object's bytes. Raises NotFound."""

    def get_part(self, key: str, start: int, size: int) -> bytes:
        """At most `size` (1 or more) bytes of an object from `start` on, which lies within it. Raises NotFound."""

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of an object; None when there is none."""

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """The objects whose key starts with `prefix` and comes after `start_after`, in order of their keys.

        `metadata` is empty in what it yields. Servers agree on the order except where one key has "/" and another has
        a character before it ("-", ".", …): S3 has `a-b` before `a/b`, SeaweedFS the other way round. Going on after a
        key works with either.
        """

    def delete(self, key: str) -> None:
        """Removes an object; nothing happens when there is none."""
