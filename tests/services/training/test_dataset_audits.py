"""Submitting and reading audits over real gRPC, with objects and jobs in memory."""

from collections.abc import Iterator

import grpc
import numpy as np
import pytest

from services.training.dataset_servicer import DatasetServicer
from synthoscope.api.datasets.v1 import datasets_service_pb2 as messages
from synthoscope.api.datasets.v1.audits_pb2 import DatasetAudit, DuplicatePair
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetImage, Split
from synthoscope.api.datasets.v1.datasets_service_pb2_grpc import (
    DatasetServiceStub,
    add_DatasetServiceServicer_to_server,
)
from synthoscope.api.jobs.v1.jobs_pb2 import JobKind
from synthoscope.datasets.audit import storage
from synthoscope.datasets.importing import import_version
from synthoscope.images.storage import store_pixels
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.pseudonyms import Pseudonyms
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

NAME = "synthoscope.api.datasets.v1.DatasetService"
LATEST = "tenants/default/datasets/d/versions/latest"


@pytest.fixture(scope="module")
def jobs() -> Jobs:
    return Jobs(InMemoryObjectStore(), InMemoryJobStore())


@pytest.fixture(scope="module")
def datasets(jobs: Jobs) -> Iterator[DatasetServiceStub]:
    servicer = DatasetServicer(jobs.objects, jobs, Pseudonyms(bytes(32)))
    registration = Registration(NAME, add_DatasetServiceServicer_to_server, servicer)
    with running_server([registration]) as server, open_channel(server.address, server.token) as channel:
        yield DatasetServiceStub(channel)


@pytest.fixture(scope="module")
def version(jobs: Jobs) -> str:
    ref = store_pixels(jobs.objects, "default", np.zeros((4, 4), np.uint8))
    image = DatasetImage(path="1.png", label="a", split=Split.SPLIT_TRAIN, image=ref)
    return import_version(jobs.objects, "tenants/default/datasets/d", [image]).name


def test_an_audit_is_a_job_of_the_version_that_latest_was(datasets, jobs, version) -> None:
    request = messages.SubmitDatasetAuditRequest(dataset_version=LATEST, request_id="r")
    job = datasets.SubmitDatasetAudit(request)
    assert job.kind == JobKind.JOB_KIND_DATASET_AUDIT
    assert jobs.specification(job.name, messages.SubmitDatasetAuditRequest).dataset_version == version
    assert datasets.SubmitDatasetAudit(request).name == job.name


def test_an_audit_is_streamed_in_parts(datasets, jobs, version) -> None:
    pairs = [DuplicatePair(a=f"{number}", b="b") for number in range(2_001)]
    stored = storage.put(jobs.objects, version, DatasetAudit(image_count=1, pairs=pairs))
    for name in (f"{version}/audit", f"{LATEST}/audit"):
        parts = [answer.audit for answer in datasets.GetDatasetAudit(messages.GetDatasetAuditRequest(name=name))]
        assert [len(part.pairs) for part in parts] == [0, 1000, 1000, 1]
        whole = DatasetAudit()
        for part in parts:
            whole.MergeFrom(part)
        assert whole == stored
    listed = datasets.ListDatasetVersions(messages.ListDatasetVersionsRequest(parent="tenants/default"))
    assert [item.name for item in listed.dataset_versions] == [version]


def test_what_is_not_there_is_not_found(datasets) -> None:
    unknown = "tenants/default/datasets/none/versions/0123456789abcdef"
    with pytest.raises(grpc.RpcError) as submitted:
        datasets.SubmitDatasetAudit(messages.SubmitDatasetAuditRequest(dataset_version=unknown))
    with pytest.raises(grpc.RpcError) as read:
        list(datasets.GetDatasetAudit(messages.GetDatasetAuditRequest(name=f"{unknown}/audit")))
    with pytest.raises(grpc.RpcError) as malformed:
        list(datasets.GetDatasetAudit(messages.GetDatasetAuditRequest(name=unknown)))
    assert submitted.value.code() is read.value.code() is grpc.StatusCode.NOT_FOUND
    assert malformed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
