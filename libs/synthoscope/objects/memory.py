"""An object store in memory, for tests."""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import BinaryIO

from synthoscope.objects.store import ObjectInfo
from synthoscope.rpc.errors import NotFound


class InMemoryObjectStore:
    """Objects in a dictionary: lost with the process."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, dict[str, str], datetime]] = {}
        self._lock = threading.Lock()

    def put(self, key: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> None:
        """Stores an object, replacing one that is there."""
        with self._lock:
            self._objects[key] = (bytes(data), _lower_keys(metadata), datetime.now(UTC))

    def put_file(self, key: str, file: BinaryIO, size: int) -> None:
        """Stores the next `size` bytes of a file."""
        self.put(key, file.read(size))

    def put_if_absent(self, key: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Stores an object unless the key is taken; returns whether it was stored."""
        with self._lock:
            if key in self._objects:
                return False
            self._objects[key] = (bytes(data), _lower_keys(metadata), datetime.now(UTC))
            return True

    def get(self, key: str) -> bytes:
        """An object's bytes. Raises NotFound."""
        with self._lock:
            if key not in self._objects:
                raise NotFound(f"there is no object {key}")
            return self._objects[key][0]

    def get_part(self, key: str, start: int, size: int) -> bytes:
        """At most `size` bytes of an object from `start` on. Raises NotFound."""
        return self.get(key)[start : start + size]

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of an object; None when there is none."""
        with self._lock:
            if key not in self._objects:
                return None
            data, metadata, modified = self._objects[key]
            return ObjectInfo(key, len(data), dict(metadata), modified)

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """The objects whose key starts with `prefix` and sorts after `start_after`, in order of their keys."""
        with self._lock:
            found = [
                ObjectInfo(key, len(data), modified=modified)
                for key, (data, _, modified) in self._objects.items()
                if key.startswith(prefix) and key > start_after
            ]
        return iter(sorted(found, key=lambda info: info.key))

    def delete(self, key: str) -> None:
        """Removes an object; nothing happens when there is none."""
        with self._lock:
            self._objects.pop(key, None)


def _lower_keys(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return {key.lower(): value for key, value in (metadata or {}).items()}
