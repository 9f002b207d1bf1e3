"""From a source on the caller's side to a dataset version."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, DatasetVersion
from synthoscope.api.datasets.v1.datasets_service_pb2 import (
    ImportDatasetVersionHeader,
    ImportDatasetVersionImages,
    ImportDatasetVersionRequest,
)
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import DatasetServiceStub
from synthoscope.api.images.v1.images_pb2 import ImageRef
from synthoscope.client.connection import call
from synthoscope.client.datasets import ImportProgress
from synthoscope.client.retrying import Retrying
from synthoscope.client.uploading import Uploader
from synthoscope.datasets.importing import check_images
from synthoscope.datasets.sources import Scan, SourceFile, SourceImage

IMAGES_PER_MESSAGE = 1_000
FILES_PER_STEP = 256
READERS = 4
IMPORT_SECONDS = 900.0


@dataclass(frozen=True)
class Importer:
    """Reads a source, uploads what is not stored, and asks for the version."""

    datasets: DatasetServiceStub
    uploader: Uploader
    on_progress: ImportProgress
    on_note: Callable[[str], None]

    def run(self, scan: Scan, header: ImportDatasetVersionHeader) -> DatasetVersion:
        """The version of `header.dataset` that holds the images of a source. `Datasets.import_source` says more."""
        for note in scan.notes:
            self.on_note(note)
        files = {image.file.path: image.file for image in scan.images}
        digests = self._digests(list(files.values()))
        check_images([_row(image, digests[image.file.path]) for image in scan.images], scan.classes)
        by_digest = {digests[path]: file for path, file in files.items()}
        stored = self.uploader.store(by_digest, lambda done, total: self.on_progress("uploading", done, total))
        if self.uploader.sent < len(by_digest):
            self.on_note(f"{len(by_digest) - self.uploader.sent} of {len(by_digest)} images were stored already")
        rows = [_row(image, stored[digests[image.file.path]]) for image in scan.images]
        # The same contents give the same version, so asking twice does no harm.
        return Retrying().call(
            lambda: call(self.datasets.ImportDatasetVersion, _messages(header, rows), IMPORT_SECONDS)
        )

    def _digests(self, files: Sequence[SourceFile]) -> dict[str, str]:
        """SHA-256 by path; reads every file, a few at once."""
        digests: dict[str, str] = {}
        with ThreadPoolExecutor(READERS) as pool:
            for start in range(0, len(files), FILES_PER_STEP):
                self.on_progress("reading", start, len(files))
                step = files[start : start + FILES_PER_STEP]
                digests |= zip((file.path for file in step), pool.map(SourceFile.sha256, step), strict=True)
        self.on_progress("reading", len(files), len(files))
        return digests


def _row(image: SourceImage, sha256: str) -> DatasetImage:
    return DatasetImage(
        path=image.path,
        split=image.split,
        label=image.label,
        image=ImageRef(sha256=sha256),
        patient=image.patient,
        frame=image.frame,
        attributes=image.attributes,
    )


def _messages(
    header: ImportDatasetVersionHeader, images: Sequence[DatasetImage]
) -> Iterator[ImportDatasetVersionRequest]:
    yield ImportDatasetVersionRequest(header=header)
    for start in range(0, len(images), IMAGES_PER_MESSAGE):
        part = ImportDatasetVersionImages(images=images[start : start + IMAGES_PER_MESSAGE])
        yield ImportDatasetVersionRequest(images=part)
