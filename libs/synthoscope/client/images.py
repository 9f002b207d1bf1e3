"""Image bytes in and out of the platform."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from synthoscope.api.images.v1 import images_service_pb2 as requests
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.images.v1.images_service_pb2_grpc import ImageServiceStub
from synthoscope.client.connection import Connection, call, stream
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted, SynthoscopeError

CHUNK_BYTES = 1 << 20
UPLOAD_SECONDS = 600.0

INLINE_BYTES = (4 << 20) - (1 << 10)
"""Larger files go up one by one, in chunks."""

_PLACE = re.compile(r"images\[(\d+)\]")


class Images:
    """Uploads and downloads images through one of the services that serve them."""

    def __init__(self, connection: Connection, service: str = "training") -> None:
        self._connection = connection
        self._service = service

    @property
    def _stub(self) -> ImageServiceStub:
        return ImageServiceStub(self._connection.channel(self._service))

    def upload(self, data: bytes, *, allow_burned_in_annotation: bool = False) -> ImageRef:
        """Stores one image of up to 64 MiB; what is stored of a DICOM file is de-identified.

        Raises InvalidInput when it does not decode, ResourceExhausted when it is too large, FailedPrecondition for a
        DICOM file that says that text is burned into its pixels, unless that is allowed.
        """

        def parts() -> Iterator[requests.UploadImageRequest]:
            header = requests.UploadImageHeader(
                parent=self._connection.parent,
                sha256=hashlib.sha256(data).hexdigest(),
                allow_burned_in_annotation=allow_burned_in_annotation,
            )
            yield requests.UploadImageRequest(header=header)
            for start in range(0, len(data), CHUNK_BYTES):
                yield requests.UploadImageRequest(chunk=data[start : start + CHUNK_BYTES])

        return call(self._stub.UploadImage, parts(), UPLOAD_SECONDS)

    def upload_many(
        self, images: Iterable[tuple[str, bytes]], *, allow_burned_in_annotation: bool = False
    ) -> list[ImageRef]:
        """Stores small images, given as (label for errors, at most INLINE_BYTES bytes), in one stream.

        Answers in the order given. Raises what `upload` raises for the first image that is refused, naming it.
        """
        labels: list[str] = []

        def messages() -> Iterator[requests.UploadImagesRequest]:
            for label, data in images:
                labels.append(label)
                yield requests.UploadImagesRequest(
                    parent=self._connection.parent, data=data, allow_burned_in_annotation=allow_burned_in_annotation
                )

        try:
            return list(call(self._stub.UploadImages, messages(), UPLOAD_SECONDS).images)
        except SynthoscopeError as error:
            raise _labelled(error, labels) from error

    def find_missing(self, digests: list[str]) -> requests.FindMissingImagesResponse:
        """Which of the SHA-256 digests (at most 10,000) are not stored; and what others were changed to."""
        request = requests.FindMissingImagesRequest(parent=self._connection.parent, sha256=digests)
        return call(self._stub.FindMissingImages, request)

    def download(self, name: str) -> bytes:
        """An image's stored bytes. Raises NotFound."""
        request = requests.DownloadImageRequest(name=name)
        return b"".join(part.chunk for part in stream(self._stub.DownloadImage, request, UPLOAD_SECONDS))


def _labelled(error: SynthoscopeError, labels: Sequence[str]) -> SynthoscopeError:
    """An error of an image, which the server knows by its place only: a file's name may be a patient's."""
    place = _PLACE.match(error.message)
    if place is None:
        return error
    label = labels[int(place[1])]
    if isinstance(error, InvalidInput):
        return InvalidInput(label, error.violations[0].description)
    message = f"{label}{error.message[place.end() :]}"
    if isinstance(error, ResourceExhausted):
        return ResourceExhausted(message, error.retry_after)
    return type(error)(message)
