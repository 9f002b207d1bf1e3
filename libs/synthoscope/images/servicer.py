"""ImageService: image bytes in and out of the object store."""

# ruff: noqa: N802 (gRPC method names)

import asyncio
import hashlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc

from synthoscope import names
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.api.images.v1.images_service_pb2 import (
    DownloadImageRequest,
    DownloadImageResponse,
    FindMissingImagesRequest,
    FindMissingImagesResponse,
    UploadImageHeader,
    UploadImageRequest,
    UploadImagesRequest,
    UploadImagesResponse,
)
from synthoscope.api.images.v1.images_service_pb2_grpc import ImageServiceServicer
from synthoscope.images.decoding import LARGEST_FILE
from synthoscope.images.intake import Intake
from synthoscope.images.storage import load_image_bytes
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, ResourceExhausted

LARGEST_CHUNK = 1024 * 1024
"""Bytes of a file in one message of a stream."""

MOST_DIGESTS = 10_000
MOST_IMAGES_PER_UPLOAD = 10_000
IN_PARALLEL = 16


class ImageReader(ImageServiceServicer):
    """Hands out the images of one object store, and takes none: such a service needs no key and no decoders."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def DownloadImage(
        self, request: DownloadImageRequest, context: grpc.ServicerContext
    ) -> AsyncIterator[DownloadImageResponse]:
        """Streams an image's bytes."""
        data = await asyncio.to_thread(load_image_bytes, self._objects, request.name)
        for start in range(0, len(data), LARGEST_CHUNK):
            yield DownloadImageResponse(chunk=data[start : start + LARGEST_CHUNK])


class ImageServicer(ImageReader):
    """Takes images in, too."""

    def __init__(self, intake: Intake) -> None:
        super().__init__(intake.objects)
        self._intake = intake

    async def UploadImage(
        self, request_iterator: AsyncIterator[UploadImageRequest], context: grpc.ServicerContext
    ) -> ImageRef:
        """Stores one image sent in chunks, after its digest was checked."""
        header, data = await _receive(request_iterator)
        tenant = names.TENANT.parse(header.parent, "header.parent")["tenant"]
        if header.sha256 and header.sha256 != hashlib.sha256(data).hexdigest():
            raise DataLoss("the bytes received do not have the SHA-256 in header.sha256; upload the image again")
        return await asyncio.to_thread(
            self._intake.store,
            tenant,
            data,
            "image",
            allow_burned_in_annotation=header.allow_burned_in_annotation,
            media_type=header.media_type,
        )

    async def UploadImages(
        self, request_iterator: AsyncIterator[UploadImagesRequest], context: grpc.ServicerContext
    ) -> UploadImagesResponse:
        """Stores many small images, some at once; answers in the order sent."""
        tenant = ""
        refs: list[ImageRef] = []
        waiting: list[UploadImagesRequest] = []
        async for request in request_iterator:
            tenant = tenant or names.TENANT.parse(request.parent, "parent")["tenant"]
            if len(refs) + len(waiting) == MOST_IMAGES_PER_UPLOAD:
                raise ResourceExhausted(f"a stream may carry {MOST_IMAGES_PER_UPLOAD} images; send the rest in another")
            waiting.append(request)
            if len(waiting) == IN_PARALLEL:
                refs += await self._store(tenant, waiting, len(refs))
                waiting = []
        return UploadImagesResponse(images=refs + await self._store(tenant, waiting, len(refs)))

    def FindMissingImages(
        self, request: FindMissingImagesRequest, context: grpc.ServicerContext
    ) -> FindMissingImagesResponse:
        """Which of the digests are not stored, and as what those are that were changed."""
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        if len(request.sha256) > MOST_DIGESTS:
            raise InvalidInput("sha256", f"has {len(request.sha256)} digests; at most {MOST_DIGESTS} are accepted")
        fields = [f"sha256[{index}]" for index in range(len(request.sha256))]
        with ThreadPoolExecutor(IN_PARALLEL) as threads:
            find = partial(self._intake.stored_sha256, tenant)
            stored = dict(zip(request.sha256, threads.map(find, request.sha256, fields), strict=True))
        return FindMissingImagesResponse(
            sha256=[sha256 for sha256 in request.sha256 if not stored[sha256]],
            stored_sha256={sent: kept for sent, kept in stored.items() if kept not in ("", sent)},
        )

    async def _store(self, tenant: str, requests: list[UploadImagesRequest], first: int) -> list[ImageRef]:
        fields = [f"images[{first + index}]" for index in range(len(requests))]
        stored = await asyncio.gather(
            *(
                asyncio.to_thread(
                    self._intake.store,
                    tenant,
                    request.data,
                    field,
                    allow_burned_in_annotation=request.allow_burned_in_annotation,
                )
                for request, field in zip(requests, fields, strict=True)
            ),
            return_exceptions=True,
        )
        refs = []
        for outcome in stored:
            if isinstance(outcome, BaseException):
                raise outcome
            refs.append(outcome)
        return refs


async def _receive(requests: AsyncIterator[UploadImageRequest]) -> tuple[UploadImageHeader, bytes]:
    """The header and the whole file. Raises InvalidInput, or ResourceExhausted as soon as too much was sent."""
    header, data = None, bytearray()
    async for request in requests:
        part = request.WhichOneof("part")
        if (part == "header") != (header is None):
            raise InvalidInput("part", "the first message, and no other, must be the header")
        if part is None:
            raise InvalidInput("part", "must be set")
        if header is None:
            header = request.header
        elif len(request.chunk) > LARGEST_CHUNK:
            raise InvalidInput("chunk", f"has {len(request.chunk)} bytes; at most {LARGEST_CHUNK} are accepted")
        if len(data) + len(request.chunk) > LARGEST_FILE:
            data.clear()  # what is raised holds this frame for a while
            raise ResourceExhausted(f"the image has more than {LARGEST_FILE} bytes")
        data += request.chunk
    if header is None:
        raise InvalidInput("part", "the first message must be the header")
    return header, bytes(data)
