"""DatasetService's audits: submitting one as a job, reading one."""

# ruff: noqa: N802 (gRPC method names)

import asyncio
from collections.abc import AsyncIterator

import grpc

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.datasets.v1.datasets_service_pb2 import (
    GetDatasetAuditRequest,
    GetDatasetAuditResponse,
    SubmitDatasetAuditRequest,
)
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.datasets.audit import storage
from synthoscope.jobs.job import JobKind
from synthoscope.jobs.messages import job_message
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.records import Records


class DatasetAudits:
    """The methods of DatasetService that have to do with audits."""

    def __init__(self, objects: ObjectStore, jobs: Jobs) -> None:
        self._objects = objects
        self._jobs = jobs
        self._versions = Records(objects, DatasetVersion)

    def SubmitDatasetAudit(self, request: SubmitDatasetAuditRequest, context: grpc.ServicerContext) -> jobs_pb2.Job:
        """Raises InvalidInput, NotFound, ResourceExhausted, AlreadyExists."""
        tenant = names.DATASET_VERSION.parse(request.dataset_version, "dataset_version")["tenant"]
        resolved = {"dataset_version": self._versions.get(request.dataset_version).name}
        return job_message(self._jobs.submit(tenant, JobKind.DATASET_AUDIT, request, request.request_id, resolved))

    async def GetDatasetAudit(
        self, request: GetDatasetAuditRequest, context: grpc.ServicerContext
    ) -> AsyncIterator[GetDatasetAuditResponse]:
        """Streams a version's audit in parts. Raises InvalidInput, NotFound, DataLoss."""
        ids = names.DATASET_AUDIT.parse(request.name)
        version = await asyncio.to_thread(self._versions.resolve, names.DATASET_VERSION.format(**ids))
        parts = storage.read(self._objects, storage.audit_name(version))
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            yield GetDatasetAuditResponse(audit=part)
