"""Datasets: importing, reading versions."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from synthoscope import names
from synthoscope.api.datasets.v1 import datasets_service_pb2 as requests
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit
from synthoscope.api.datasets.v1.datasets_pb2 import (
    DatasetComparison,
    DatasetImage,
    DatasetVersion,
    Derivation,
    Split,
)
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import DatasetServiceStub
from synthoscope.api.images.v1.preprocessing_pb2 import Preprocessing
from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.client.connection import Connection, call, pages, stream
from synthoscope.client.images import Images

if TYPE_CHECKING:
    from synthoscope.datasets.sources import SourceOptions

LONG_SECONDS = 600.0
"""Deadline of calls that go through all images of a version."""

ImportProgress = Callable[[str, int, int], None]
"""Called with the phase of an import ("reading" or "uploading"), images done and images in all."""


class Datasets:
    """Imports datasets; reads, derives, audits, compares and deletes their versions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def _stub(self) -> DatasetServiceStub:
        return DatasetServiceStub(self._connection.channel("training"))

    def import_source(
        self,
        source: Path | str,
        dataset_id: str,
        options: "SourceOptions | None" = None,
        *,
        preprocessing: Preprocessing | None = None,
        allow_burned_in_annotation: bool = False,
        on_progress: ImportProgress = lambda phase, done, total: None,
        on_note: Callable[[str], None] = lambda note: None,
    ) -> DatasetVersion:
        """Makes a version of a dataset from a folder, a ZIP archive, an .npz, a CSV table or s3://bucket/key.

        `datasets.sources.open_source` says what is accepted. All of it is read once before anything is sent, so that
        what is wrong with it is found first. Images that are stored already are not sent again: an interrupted import
        goes on where it stopped. `preprocessing` is kept with the version. `on_progress` gets the phase ("reading",
        "uploading"), images done and images in all; `on_note` what the caller should know of how the source was read.

        Raises InvalidInput for a source that is wrong, a class that has no training images, or an image that does not
        decode; FailedPrecondition for a DICOM file with burned-in annotation, unless it is allowed; ResourceExhausted
        for what is too large; DataLoss when something else was stored than what was sent.
        """
        from synthoscope.client.importing import Importer  # what reads sources is slow to import
        from synthoscope.client.uploading import Uploader
        from synthoscope.datasets.sources import SourceOptions, open_source

        names.check_id(dataset_id, "dataset_id")
        dataset = names.DATASET.format(tenant=self._connection.settings.tenant, dataset=dataset_id)
        images = Images(self._connection, "training")
        uploader = Uploader(images, allow_burned_in_annotation=allow_burned_in_annotation)
        with open_source(source, options or SourceOptions()) as scan:
            header = requests.ImportDatasetVersionHeader(
                dataset=dataset, classes=scan.classes, preprocessing=preprocessing
            )
            return Importer(self._stub, uploader, on_progress, on_note).run(scan, header)

    def get(self, name: str) -> DatasetVersion:
        """A dataset version; `versions/latest` is allowed. Raises NotFound."""
        return call(self._stub.GetDatasetVersion, requests.GetDatasetVersionRequest(name=name))

    def list(self) -> list[DatasetVersion]:
        """All dataset versions, by name."""
        request = requests.ListDatasetVersionsRequest(parent=self._connection.parent)
        return [item for page in pages(self._stub.ListDatasetVersions, request) for item in page.dataset_versions]

    def images(self, version: str, split: Split = Split.SPLIT_UNSPECIFIED, label: str = "") -> Iterator[DatasetImage]:
        """The images of a version, by path; of one split or class if asked."""
        request = requests.ListDatasetImagesRequest(parent=version, split=split, label=label, page_size=1000)
        for page in pages(self._stub.ListDatasetImages, request):
            yield from page.images

    def derive(self, parent_version: str, derivation: Derivation, dataset_id: str = "") -> DatasetVersion:
        """Makes a version of a version: other labels, fewer or more images, other splits or preprocessing.

        It goes to the parent's own dataset unless `dataset_id` names another one, whose latest version it then is.
        Raises InvalidInput for a rule that does not fit; FailedPrecondition when a class is left without training
        images, or a split needs the parent's audit and there is none.
        """
        dataset = parent_version.rpartition("/versions/")[0]
        if dataset_id:
            dataset = names.DATASET.format(tenant=self._connection.settings.tenant, dataset=dataset_id)
        request = requests.DeriveDatasetVersionRequest(
            dataset=dataset, parent_version=parent_version, derivation=derivation
        )
        return call(self._stub.DeriveDatasetVersion, request, LONG_SECONDS)

    def compare(self, before: str, after: str) -> DatasetComparison:
        """What changed from one version to another. Raises NotFound."""
        request = requests.CompareDatasetVersionsRequest(before=before, after=after)
        return call(self._stub.CompareDatasetVersions, request, LONG_SECONDS)

    def delete(self, name: str) -> None:
        """Removes a version and those of its images that nothing else needs.

        Raises NotFound, and FailedPrecondition, naming them, while models, studies, derived versions or unfinished jobs
        refer to it.
        """
        call(self._stub.DeleteDatasetVersion, requests.DeleteDatasetVersionRequest(name=name), LONG_SECONDS)

    def audit(self, dataset_version: str, request_id: str = "") -> Job:
        """Starts an audit; its result is what `get_audit` takes. One by the same code as before ends at once."""
        request = requests.SubmitDatasetAuditRequest(dataset_version=dataset_version, request_id=request_id)
        return call(self._stub.SubmitDatasetAudit, request)

    def get_audit(self, name: str) -> DatasetAudit:
        """A version's audit, by its name `…/versions/{version}/audit`. Raises NotFound when there is none."""
        whole = DatasetAudit()
        for part in stream(self._stub.GetDatasetAudit, requests.GetDatasetAuditRequest(name=name), LONG_SECONDS):
            whole.MergeFrom(part.audit)
        return whole
