"""Weights that somebody has uploaded, by the SHA-256 of their file. No torch."""

import hashlib
import tempfile
from pathlib import Path

from synthoscope import names
from synthoscope.api.training.v1.training_service_pb2 import UploadedWeights
from synthoscope.classifier.pretrained.safetensors_file import BEGINNING, check_beginning, check_file
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import DataLoss, NotFound, ResourceExhausted

LARGEST_FILE = 1 << 30
"""Bytes."""

_FIELD = "chunk"


class Upload:
    """A safetensors file while its bytes arrive, in a temporary file until `close`. For one thread at a time."""

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="synthoscope-weights-")  # noqa: SIM115 (see `close`)
        self._digest = hashlib.sha256()
        self._beginning = b""
        self._size = 0

    def close(self) -> None:
        """Removes the temporary file."""
        self._file.close()

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes.

        Raises InvalidInput as soon as they cannot be safetensors, ResourceExhausted when there are more than 1 GiB.
        """
        self._size += len(chunk)
        if self._size > LARGEST_FILE:
            raise ResourceExhausted(f"{_FIELD}: the file has more than {LARGEST_FILE} bytes")
        if len(self._beginning) < BEGINNING:
            self._beginning += chunk[: BEGINNING - len(self._beginning)]
            if len(self._beginning) == BEGINNING:
                check_beginning(self._beginning, _FIELD)
        self._digest.update(chunk)
        self._file.write(chunk)

    def store(self, objects: ObjectStore, tenant: str, sha256: str = "") -> UploadedWeights:
        """Checks the whole file, and stores it for a tenant; the same file again is the same weights.

        Raises InvalidInput when it is not usable, DataLoss when it does not have the SHA-256, where one is given.
        """
        digest = self._digest.hexdigest()
        if sha256 not in ("", digest):
            raise DataLoss("the bytes received do not have the SHA-256 in header.sha256; upload the file again")
        self._file.flush()
        path = Path(self._file.name)
        count = check_file(path, _FIELD)
        name = names.WEIGHTS.format(tenant=tenant, sha256=digest)
        with path.open("rb") as file:
            objects.put_file(_key(name), file, self._size)
        record = UploadedWeights(name=name, tensor_count=count, size_bytes=self._size)
        Records(objects, UploadedWeights).put(name, record)
        return record


def get(objects: ObjectStore, name: str) -> UploadedWeights:
    """What is known of uploaded weights. Raises InvalidInput when the name has not the form of one, NotFound."""
    names.WEIGHTS.parse(name)
    return Records(objects, UploadedWeights).get(name)


def read(objects: ObjectStore, name: str) -> bytes:
    """The file of uploaded weights.

    Raises InvalidInput when the name has not the form of one, NotFound when there are none, DataLoss when their bytes
    are gone or are not those that were uploaded.
    """
    get(objects, name)
    try:
        data = objects.get(_key(name))
    except NotFound as error:
        raise DataLoss(f"{name} has lost its file") from error
    if hashlib.sha256(data).hexdigest() != names.WEIGHTS.parse(name)["sha256"]:
        raise DataLoss(f"the file of {name} does not have its SHA-256; upload it again")
    return data


def _key(name: str) -> str:
    return f"{name}/weights.safetensors"
