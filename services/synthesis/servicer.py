"""SynthesisService: makes generation a job, and reads synthetic sets. Needs neither torch nor Ray."""

from collections.abc import Mapping, Sequence

import grpc

from services.synthesis.options import check_options
from synthoscope import models, names
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.api.synthesis.v1 import synthesis_service_pb2 as messages
from synthoscope.api.synthesis.v1 import synthesis_service_pb2_grpc
from synthoscope.api.synthesis.v1.synthesis_pb2 import SyntheticSet
from synthoscope.gan.labels import labels_of
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.messages import job_message
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.records import DEFAULT_PAGE_SIZE, LARGEST_PAGE, Records
from synthoscope.rpc.errors import InvalidInput
from synthoscope.synthetic import sets

MOST_IMAGES = 100_000


class SynthesisServicer(synthesis_service_pb2_grpc.SynthesisServiceServicer):
    """Submits generations and serves the synthetic sets of an object store."""

    def __init__(self, objects: ObjectStore, jobs: Jobs) -> None:
        self._objects = objects
        self._jobs = jobs

    def SubmitGeneration(
        self, request: messages.SubmitGenerationRequest, context: grpc.ServicerContext
    ) -> jobs_pb2.Job:
        """Raises InvalidInput, NotFound, FailedPrecondition, AlreadyExists, DataLoss."""
        tenant = names.TENANT.parse(request.parent, "parent")["tenant"]
        names.MODEL_VERSION.parse(request.model_version, "model_version")
        if request.seed < 0:
            raise InvalidInput("seed", "must be in [0, 2^63)")
        check_counts(request.counts)
        record = models.get(self._objects, request.model_version)
        check_labels(request.counts, labels_of(record))
        resolved = {"model_version": record.name}
        resolved |= check_options(self._objects, request.options, record, request.counts)
        return job_message(self._jobs.submit(tenant, JobKind.SYNTHESIS, request, request.request_id, resolved))

    def GetSyntheticSet(self, request: messages.GetSyntheticSetRequest, context: grpc.ServicerContext) -> SyntheticSet:
        """Raises InvalidInput, NotFound."""
        return sets.get(self._objects, request.name)

    def ListSyntheticSets(
        self, request: messages.ListSyntheticSetsRequest, context: grpc.ServicerContext
    ) -> messages.ListSyntheticSetsResponse:
        """Raises InvalidInput."""
        names.TENANT.parse(request.parent, "parent")
        prefix = f"{request.parent}/syntheticSets"
        page = Records(self._objects, SyntheticSet).page(prefix, request.page_size, request.page_token)
        return messages.ListSyntheticSetsResponse(synthetic_sets=page.records, next_page_token=page.next_page_token)

    def ListSyntheticImages(
        self, request: messages.ListSyntheticImagesRequest, context: grpc.ServicerContext
    ) -> messages.ListSyntheticImagesResponse:
        """Raises InvalidInput, NotFound, DataLoss. A page token is the index to go on from."""
        if not 0 <= request.page_size <= LARGEST_PAGE:
            raise InvalidInput("page_size", f"must be in [0, {LARGEST_PAGE}]; 0 means {DEFAULT_PAGE_SIZE}")
        if request.page_token and not request.page_token.isdecimal():
            raise InvalidInput("page_token", "must be the next_page_token of the same listing's page before")
        record = sets.get(self._objects, request.parent, "parent")
        images = sets.read_images(self._objects, record)
        wanted = [
            image
            for image in images[int(request.page_token or 0) :]
            if not request.label or image.label == request.label
        ]
        size = request.page_size or DEFAULT_PAGE_SIZE
        token = str(wanted[size].index) if len(wanted) > size else ""
        return messages.ListSyntheticImagesResponse(images=wanted[:size], next_page_token=token)


def check_counts(counts: Mapping[str, int]) -> None:
    """Raises InvalidInput unless every count is in [1, 100000] and so is their sum."""
    if not counts:
        raise InvalidInput("counts", "must hold at least one label and its number of images")
    for label, count in counts.items():
        if not 1 <= count <= MOST_IMAGES:
            raise InvalidInput(f"counts[{label!r}]", f"must be in [1, {MOST_IMAGES}]")
    if sum(counts.values()) > MOST_IMAGES:
        raise InvalidInput("counts", f"must add up to at most {MOST_IMAGES}")


def check_labels(counts: Mapping[str, int], known: Sequence[str]) -> None:
    """Raises InvalidInput for a label that the generator does not know."""
    for label in counts:
        if label not in known:
            expected = "the empty string, the generator has no classes" if known == ("",) else ", ".join(known)
            raise InvalidInput(f"counts[{label!r}]", f"the label must be one of: {expected}")
