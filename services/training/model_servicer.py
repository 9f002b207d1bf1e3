"""ModelService: reads what training jobs published, and moves the aliases of versions."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import grpc

from services.training.model_evaluations import ModelEvaluations
from synthoscope import models, names
from synthoscope.api.models.v1 import models_service_pb2 as messages
from synthoscope.api.models.v1 import models_service_pb2_grpc
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion, Promotion, TrafficSplit
from synthoscope.jobs.submission import Jobs
from synthoscope.models import aliases, promotion, traffic
from synthoscope.models.checks import Complete, NotWorse
from synthoscope.models.promotion_log import PromotionLog
from synthoscope.objects import ObjectStore
from synthoscope.records import DEFAULT_PAGE_SIZE, Page, Records

LARGEST_CHUNK = 1024 * 1024
"""Bytes of a model's file in one message."""

PROMOTION_CHECKS: Sequence[promotion.Check] = (Complete(), NotWorse())
"""What a version must pass, in this order."""


class ModelServicer(ModelEvaluations, models_service_pb2_grpc.ModelServiceServicer):
    """Serves the model versions of an object store; a version must pass all of `checks` before it gets an alias."""

    def __init__(self, objects: ObjectStore, jobs: Jobs, checks: Sequence[promotion.Check] = PROMOTION_CHECKS) -> None:
        super().__init__(objects, jobs)
        self._checks = checks
        self._records = Records(objects, ModelVersion)

    def GetModelVersion(self, request: messages.GetModelVersionRequest, context: grpc.ServicerContext) -> ModelVersion:
        """Returns a version. Raises InvalidInput, NotFound."""
        return models.get(self._objects, request.name)

    def ListModelVersions(
        self, request: messages.ListModelVersionsRequest, context: grpc.ServicerContext
    ) -> messages.ListModelVersionsResponse:
        """Lists versions by name. Raises InvalidInput."""
        page = self._page_of_kind(_prefix(request.parent), request)
        return messages.ListModelVersionsResponse(model_versions=page.records, next_page_token=page.next_page_token)

    async def DownloadModelFile(
        self, request: messages.DownloadModelFileRequest, context: grpc.ServicerContext
    ) -> AsyncIterator[messages.DownloadModelFileResponse]:
        """Streams one of a version's files. Raises InvalidInput, NotFound, DataLoss."""
        record = await asyncio.to_thread(models.get, self._objects, request.name)
        parts = models.file_parts(self._objects, record, request.path, LARGEST_CHUNK)
        while (chunk := await asyncio.to_thread(next, parts, None)) is not None:
            yield messages.DownloadModelFileResponse(chunk=chunk)

    def PromoteModelVersion(
        self, request: messages.PromoteModelVersionRequest, context: grpc.ServicerContext
    ) -> Promotion:
        """Gives a version an alias. Raises InvalidInput, NotFound, FailedPrecondition."""
        names.MODEL_VERSION.parse(request.model_version, "model_version")
        return promotion.promote(
            self._objects, request.model_version, request.alias, self._checks, request.validate_only
        )

    def RollBackModelAlias(
        self, request: messages.RollBackModelAliasRequest, context: grpc.ServicerContext
    ) -> Promotion:
        """Gives an alias back to the version before. Raises InvalidInput, NotFound, FailedPrecondition."""
        return promotion.roll_back(self._objects, request.alias)

    def ListModelAliases(
        self, request: messages.ListModelAliasesRequest, context: grpc.ServicerContext
    ) -> messages.ListModelAliasesResponse:
        """Lists a model's aliases by name. Raises InvalidInput."""
        names.MODEL.parse(request.parent, "parent")
        page = aliases.page(self._objects, request.parent, request.page_size, request.page_token)
        return messages.ListModelAliasesResponse(aliases=page.records, next_page_token=page.next_page_token)

    def SetTrafficSplit(self, request: messages.SetTrafficSplitRequest, context: grpc.ServicerContext) -> TrafficSplit:
        """Tries a version out beside an alias's. Raises InvalidInput, NotFound, FailedPrecondition."""
        return traffic.set_split(self._objects, request.traffic_split)

    def GetTrafficSplit(self, request: messages.GetTrafficSplitRequest, context: grpc.ServicerContext) -> TrafficSplit:
        """Returns what is tried out beside an alias. Raises InvalidInput, NotFound."""
        return traffic.get_split(self._objects, request.name)

    def ListPromotions(
        self, request: messages.ListPromotionsRequest, context: grpc.ServicerContext
    ) -> messages.ListPromotionsResponse:
        """Lists a model's promotions from the oldest. Raises InvalidInput."""
        names.MODEL.parse(request.parent, "parent")
        page = PromotionLog(self._objects, request.parent).page(request.page_size, request.page_token)
        return messages.ListPromotionsResponse(promotions=page.records, next_page_token=page.next_page_token)

    def _page_of_kind(self, prefix: str, request: messages.ListModelVersionsRequest) -> Page[ModelVersion]:
        """One full page of the kind asked for, read over as many pages of records as it takes."""
        if not request.kind:
            return self._records.page(prefix, request.page_size, request.page_token)
        size = request.page_size or DEFAULT_PAGE_SIZE
        found: list[ModelVersion] = []
        token = request.page_token
        while True:
            page = self._records.page(prefix, size - len(found), token)
            found += _of_kind(page, request.kind)
            token = page.next_page_token
            if not token or len(found) == size:
                return Page(found, token)


def _of_kind(page: Page[ModelVersion], kind: ModelKind) -> list[ModelVersion]:
    return [record for record in page.records if record.kind == kind]


def _prefix(parent: str) -> str:
    """Where the versions of a tenant, or of one of its models, lie. Raises InvalidInput."""
    if len(parent.split("/")) <= 2:
        names.TENANT.parse(parent, "parent")
        return f"{parent}/models"
    names.MODEL.parse(parent, "parent")
    return parent
