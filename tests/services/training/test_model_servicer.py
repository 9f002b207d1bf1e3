from unittest.mock import sentinel

import pytest

from services.training.model_servicer import ModelServicer
from synthoscope import models
from synthoscope.api.models.v1.models_pb2 import Lineage, ModelKind, ModelVersion
from synthoscope.api.models.v1.models_service_pb2 import (
    GetModelVersionRequest,
    ListModelAliasesRequest,
    ListModelVersionsRequest,
    ListPromotionsRequest,
    PromoteModelVersionRequest,
    RollBackModelAliasRequest,
)
from synthoscope.jobs.memory import InMemoryJobStore
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import InMemoryObjectStore
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound

GAN, CLASSIFIER = ModelKind.MODEL_KIND_GAN, ModelKind.MODEL_KIND_CLASSIFIER
CONTEXT = sentinel.context


@pytest.fixture
def objects():
    store = InMemoryObjectStore()
    for seed in range(5):
        kind = GAN if seed % 2 else CLASSIFIER
        parent = f"tenants/default/models/{'gan' if seed % 2 else 'cnn'}"
        models.publish(store, parent, ModelVersion(kind=kind, lineage=Lineage(seed=seed)), {"f": b""})
    models.publish(store, "tenants/other/models/cnn", ModelVersion(kind=CLASSIFIER), {})
    return store


def servicer_of(objects, *checks):
    return ModelServicer(objects, Jobs(objects, InMemoryJobStore()), *checks)


def all_pages(servicer, **request):
    found, token = [], ""
    while True:
        page = servicer.ListModelVersions(ListModelVersionsRequest(page_token=token, **request), CONTEXT)
        found += page.model_versions
        token = page.next_page_token
        if not token:
            return found


def test_get_returns_a_version_and_resolves_latest(objects):
    servicer = servicer_of(objects)
    latest = servicer.GetModelVersion(
        GetModelVersionRequest(name="tenants/default/models/cnn/versions/latest"), CONTEXT
    )
    assert latest.lineage.seed == 4
    assert servicer.GetModelVersion(GetModelVersionRequest(name=latest.name), CONTEXT) == latest


def test_an_unknown_version_is_not_found(objects):
    with pytest.raises(NotFound):
        servicer_of(objects).GetModelVersion(
            GetModelVersionRequest(name="tenants/default/models/none/versions/latest"), CONTEXT
        )


@pytest.mark.parametrize("page_size", [0, 1, 2, 3, 100])
def test_pages_hold_every_version_of_the_parent_once(objects, page_size):
    servicer = servicer_of(objects)
    everything = all_pages(servicer, parent="tenants/default", page_size=page_size)
    assert sorted(version.lineage.seed for version in everything) == [0, 1, 2, 3, 4]
    gans = all_pages(servicer, parent="tenants/default", page_size=page_size, kind=GAN)
    assert sorted(version.lineage.seed for version in gans) == [1, 3]
    assert all_pages(servicer, parent="tenants/default/models/gan", page_size=page_size, kind=CLASSIFIER) == []


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"parent": "tenants"}, "parent"),
        ({"parent": "tenants/default/datasets/d"}, "parent"),
        ({"parent": "tenants/default", "page_size": 1001}, "page_size"),
        ({"parent": "tenants/default", "page_size": -1, "kind": GAN}, "page_size"),
        ({"parent": "tenants/default", "page_token": "x"}, "page_token"),
    ],
)
def test_wrong_requests_name_the_field(objects, request_, field):
    with pytest.raises(InvalidInput, match=field):
        servicer_of(objects).ListModelVersions(ListModelVersionsRequest(**request_), CONTEXT)


CNN = "tenants/default/models/cnn"


def versions(objects):
    return [item.name for item in all_pages(servicer_of(objects), parent=CNN)]


def promote(servicer, version, alias="champion", **fields):
    return servicer.PromoteModelVersion(
        PromoteModelVersionRequest(model_version=version, alias=alias, **fields), CONTEXT
    )


def test_versions_are_promoted_taken_back_and_listed(objects):
    servicer = servicer_of(objects, [])
    first, second, _ = versions(objects)
    made = [promote(servicer, first), promote(servicer, second)]
    made.append(servicer.RollBackModelAlias(RollBackModelAliasRequest(alias=f"{CNN}/aliases/champion"), CONTEXT))
    named = GetModelVersionRequest(name=f"{CNN}/versions/champion")
    assert servicer.GetModelVersion(named, CONTEXT).name == first
    (alias,) = servicer.ListModelAliases(ListModelAliasesRequest(parent=CNN), CONTEXT).aliases
    assert (alias.name, alias.model_version, alias.promotion) == (f"{CNN}/aliases/champion", first, made[2].name)
    page = servicer.ListPromotions(ListPromotionsRequest(parent=CNN, page_size=2), CONTEXT)
    rest = ListPromotionsRequest(parent=CNN, page_size=2, page_token=page.next_page_token)
    assert [*page.promotions, *servicer.ListPromotions(rest, CONTEXT).promotions] == made
    assert len(all_pages(servicer, parent="tenants/default")) == 5


def test_this_service_asks_for_whole_versions_that_are_not_worse(objects):
    servicer = servicer_of(objects)
    with pytest.raises(FailedPrecondition, match=r"complete: lacks weights\.safetensors, model\.onnx"):
        promote(servicer, versions(objects)[0])
    (refused,) = servicer.ListPromotions(ListPromotionsRequest(parent=CNN), CONTEXT).promotions
    assert [(item.name, item.passed) for item in refused.checks] == [("complete", False), ("not_worse", True)]


def test_checks_can_be_run_alone(objects):
    servicer = servicer_of(objects, [])
    assert not promote(servicer, versions(objects)[0], validate_only=True).name
    assert not servicer.ListPromotions(ListPromotionsRequest(parent=CNN), CONTEXT).promotions


@pytest.mark.parametrize("parent", ["tenants/default", f"{CNN}/versions/latest"])
def test_aliases_and_promotions_are_a_model_s(objects, parent):
    servicer = servicer_of(objects)
    with pytest.raises(InvalidInput, match="parent"):
        servicer.ListModelAliases(ListModelAliasesRequest(parent=parent), CONTEXT)
    with pytest.raises(InvalidInput, match="parent"):
        servicer.ListPromotions(ListPromotionsRequest(parent=parent), CONTEXT)


def test_wrong_promotions_name_the_field(objects):
    servicer = servicer_of(objects)
    with pytest.raises(InvalidInput, match="model_version"):
        promote(servicer, CNN)
    with pytest.raises(InvalidInput, match="alias"):
        promote(servicer, versions(objects)[0], "latest")
    with pytest.raises(NotFound):
        promote(servicer, f"{CNN}/versions/0123456789abcdef")
    with pytest.raises(NotFound):
        servicer.RollBackModelAlias(RollBackModelAliasRequest(alias=f"{CNN}/aliases/champion"), CONTEXT)
