"""Sending the files of a source: those that are missing, in several streams, and again what was interrupted."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial

from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.client.images import INLINE_BYTES, Images
from synthoscope.client.retrying import Retrying
from synthoscope.datasets.sources import SourceFile
from synthoscope.rpc.errors import DataLoss, FailedPrecondition, InvalidInput, ResourceExhausted

IMAGES_PER_STREAM = 128
STREAM_BYTES = 16 << 20
PARALLEL_STREAMS = 4

_DICOM = "application/dicom"

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""


class Uploader:
    """Stores files, by the SHA-256 of their bytes. `sent` counts those that were not stored already."""

    def __init__(self, images: Images, *, allow_burned_in_annotation: bool = False) -> None:
        self._images = images
        self._allow_burned_in_annotation = allow_burned_in_annotation
        self._retrying = Retrying()
        self.sent = 0

    def store(self, files: Mapping[str, SourceFile], on_progress: Progress) -> dict[str, str]:
        """The SHA-256 of each stored file by that of the file sent: another one for DICOM, which is de-identified.

        What is stored already is not sent. A stream that breaks off is taken up again with what it has not stored.
        Raises InvalidInput, ResourceExhausted or FailedPrecondition, naming the path, for a file that is refused;
        DataLoss when something else was stored than what was sent; Unavailable when nothing has worked for a minute.
        """
        by_path = sorted(files, key=lambda digest: files[digest].path)
        parts = [by_path[start : start + IMAGES_PER_STREAM] for start in range(0, len(files), IMAGES_PER_STREAM)]
        stored: dict[str, str] = {}
        on_progress(0, len(files))
        pool = ThreadPoolExecutor(PARALLEL_STREAMS)
        try:
            actions = [partial(self._store_part, {digest: files[digest] for digest in part}) for part in parts]
            for finished in as_completed([pool.submit(self._retrying.call, action) for action in actions]):
                stored |= finished.result()
                on_progress(len(stored), len(files))
        finally:
            pool.shutdown(cancel_futures=True)
        return stored

    def _store_part(self, files: Mapping[str, SourceFile]) -> dict[str, str]:
        """Sends those that are missing; done again, it goes on where it stopped."""
        before = self._images.find_missing(list(files))
        refs = dict(self._send({digest: files[digest] for digest in before.sha256}))
        self.sent += len(refs)
        dicom = [digest for digest, ref in refs.items() if ref.media_type == _DICOM]
        after = self._images.find_missing(dicom)
        stored = {digest: digest for digest in files} | dict(before.stored_sha256) | dict(after.stored_sha256)
        for digest, ref in refs.items():
            if digest in after.sha256 or stored[digest] != ref.sha256:
                raise DataLoss(f"{files[digest].path}: what was stored is not what was sent; import it again")
        return stored

    def _send(self, files: Mapping[str, SourceFile]) -> Iterator[tuple[str, ImageRef]]:
        waiting: dict[str, tuple[str, bytes]] = {}
        for digest, file in files.items():
            data = file.read()
            if hashlib.sha256(data).hexdigest() != digest:
                raise DataLoss(f"{file.path}: has changed while it was imported; import it again")
            if len(data) > INLINE_BYTES:
                yield digest, self._send_large(file.path, data)
                continue
            waiting[digest] = file.path, data
            if sum(len(data) for _, data in waiting.values()) > STREAM_BYTES:
                yield from self._send_small(waiting)
                waiting.clear()
        yield from self._send_small(waiting)

    def _send_small(self, files: Mapping[str, tuple[str, bytes]]) -> Iterator[tuple[str, ImageRef]]:
        if files:
            burned_in = self._allow_burned_in_annotation
            refs = self._images.upload_many(files.values(), allow_burned_in_annotation=burned_in)
            yield from zip(files, refs, strict=True)

    def _send_large(self, path: str, data: bytes) -> ImageRef:
        try:
            return self._images.upload(data, allow_burned_in_annotation=self._allow_burned_in_annotation)
        except InvalidInput as error:
            raise InvalidInput(path, error.message) from error
        except (ResourceExhausted, FailedPrecondition) as error:
            raise type(error)(f"{path}: {error.message}") from error
