"""DatasetService: dataset versions in and out of the object store."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import islice

import grpc
from google.protobuf.empty_pb2 import Empty

from services.training.dataset_audits import DatasetAudits
from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetComparison, DatasetImage, DatasetVersion, Split
from synthoscope.api.datasets.v1.datasets_service_pb2 import (
    CompareDatasetVersionsRequest,
    DeleteDatasetVersionRequest,
    DeriveDatasetVersionRequest,
    GetDatasetVersionRequest,
    ImportDatasetVersionHeader,
    ImportDatasetVersionRequest,
    ListDatasetImagesRequest,
    ListDatasetImagesResponse,
    ListDatasetVersionsRequest,
    ListDatasetVersionsResponse,
)
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import DatasetServiceServicer
from synthoscope.datasets import manifest
from synthoscope.datasets.comparing import compare
from synthoscope.datasets.deleting import delete_version
from synthoscope.datasets.deriving import derive
from synthoscope.datasets.importing import MOST_IMAGES, import_version, with_pseudonyms
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.records import DEFAULT_PAGE_SIZE, LARGEST_PAGE
from synthoscope.rpc.errors import InvalidInput, ResourceExhausted

MOST_IMAGES_PER_MESSAGE = 1000


class DatasetServicer(DatasetAudits, DatasetServiceServicer):
    """Dataset versions of one object store, and their audits; patients are stored under pseudonyms."""

    def __init__(self, objects: ObjectStore, jobs: Jobs, pseudonyms: Pseudonyms) -> None:
        super().__init__(objects, jobs)
        self._pseudonyms = pseudonyms

    async def ImportDatasetVersion(
        self, request_iterator: AsyncIterator[ImportDatasetVersionRequest], context: grpc.ServicerContext
    ) -> DatasetVersion:
        """Makes a version from images that are stored already."""
        header, images = await _receive(request_iterator)
        with_pseudonyms(images, names.tenant_of(header.dataset), self._pseudonyms)
        return await asyncio.to_thread(
            import_version, self._objects, header.dataset, images, header.classes, header.preprocessing
        )

    def DeriveDatasetVersion(
        self, request: DeriveDatasetVersionRequest, context: grpc.ServicerContext
    ) -> DatasetVersion:
        """Makes a version of a version. Raises InvalidInput, NotFound, FailedPrecondition, ResourceExhausted."""
        return derive(self._objects, request.dataset, request.parent_version, request.derivation)

    def CompareDatasetVersions(
        self, request: CompareDatasetVersionsRequest, context: grpc.ServicerContext
    ) -> DatasetComparison:
        """What changed from one version to another. Raises InvalidInput, NotFound."""
        names.DATASET_VERSION.parse(request.before, "before")
        names.DATASET_VERSION.parse(request.after, "after")
        return compare(self._objects, request.before, request.after)

    def DeleteDatasetVersion(self, request: DeleteDatasetVersionRequest, context: grpc.ServicerContext) -> Empty:
        """Removes a version. Raises InvalidInput, NotFound, FailedPrecondition."""
        delete_version(self._objects, self._jobs, request.name)
        return Empty()

    def GetDatasetVersion(self, request: GetDatasetVersionRequest, context: grpc.ServicerContext) -> DatasetVersion:
        """One version; `versions/latest` is the last one imported."""
        names.DATASET_VERSION.parse(request.name)
        return self._versions.get(request.name)

    def ListDatasetVersions(
        self, request: ListDatasetVersionsRequest, context: grpc.ServicerContext
    ) -> ListDatasetVersionsResponse:
        """A page of the tenant's versions, or of one dataset's."""
        page = self._versions.page(_prefix(request.parent), request.page_size, request.page_token)
        return ListDatasetVersionsResponse(dataset_versions=page.records, next_page_token=page.next_page_token)

    def ListDatasetImages(
        self, request: ListDatasetImagesRequest, context: grpc.ServicerContext
    ) -> ListDatasetImagesResponse:
        """A page of a version's images; the token is the last path of the page before."""
        names.DATASET_VERSION.parse(request.parent, "parent")
        if not 0 <= request.page_size <= LARGEST_PAGE:
            raise InvalidInput("page_size", f"must be in [0, {LARGEST_PAGE}]; 0 means {DEFAULT_PAGE_SIZE}")
        if request.split and request.split not in manifest.SPLIT_NAMES:
            raise InvalidInput("split", "must be SPLIT_TRAIN, SPLIT_TEST, or unset for both")
        size = request.page_size or DEFAULT_PAGE_SIZE
        images = manifest.read(self._objects, self._versions.get(request.parent))
        matching = (image for image in images if image.path > request.page_token and _matches(image, request))
        found = list(islice(matching, size + 1))
        token = found[size - 1].path if len(found) > size else ""
        return ListDatasetImagesResponse(images=found[:size], next_page_token=token)


def _matches(image: DatasetImage, request: ListDatasetImagesRequest) -> bool:
    split_matches = request.split in (Split.SPLIT_UNSPECIFIED, image.split)
    return split_matches and request.label in ("", image.label)


def _prefix(parent: str) -> str:
    if parent.count("/") == 1:
        names.TENANT.parse(parent, "parent")
        return f"{parent}/datasets"
    names.DATASET.parse(parent, "parent")
    return parent


async def _receive(
    requests: AsyncIterator[ImportDatasetVersionRequest],
) -> tuple[ImportDatasetVersionHeader, Sequence[DatasetImage]]:
    header: ImportDatasetVersionHeader | None = None
    images: list[DatasetImage] = []
    async for request in requests:
        part = request.WhichOneof("part")
        if part is None:
            raise InvalidInput("part", "must be set")
        if (part == "header") != (header is None):
            raise InvalidInput("part", "the first message, and no other, must be the header")
        if header is None:
            header = request.header
            names.DATASET.parse(header.dataset, "header.dataset")
        if len(request.images.images) > MOST_IMAGES_PER_MESSAGE:
            raise InvalidInput("images", f"at most {MOST_IMAGES_PER_MESSAGE} images a message are accepted")
        images.extend(request.images.images)
        if len(images) > MOST_IMAGES:
            raise ResourceExhausted(f"images: at most {MOST_IMAGES} are accepted")
    if header is None:
        raise InvalidInput("part", "the first message must be the header")
    return header, images
