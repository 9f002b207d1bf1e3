"""ModelService: reads what training jobs published."""

# ruff: noqa: N802 (gRPC method names)

import grpc

from synthoscope import models, names
from synthoscope.api.models.v1 import models_service_pb2 as messages
from synthoscope.api.models.v1 import models_service_pb2_grpc
from synthoscope.api.models.v1.models_pb2 import ModelKind, ModelVersion
from synthoscope.objects import ObjectStore
from synthoscope.records import DEFAULT_PAGE_SIZE, Page, Records


class ModelServicer(models_service_pb2_grpc.ModelServiceServicer):
    """Serves the model versions of an object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
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
