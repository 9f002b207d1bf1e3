import importlib

import grpc
import pytest

from synthoscope.api.classification.v1 import classification_service_pb2 as messages
from synthoscope.api.classification.v1.classification_service_pb2_grpc import (
    DiagnosisServiceServicer,
    DiagnosisServiceStub,
    add_DiagnosisServiceServicer_to_server,
)
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.roles import ROLES, roles_of
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import running_server

CONTRACTS = (
    "classification.v1.classification", "datasets.v1.datasets", "experiments.v1.experiments",
    "explanation.v1.explanation", "images.v1.images", "inference.v2.open_inference", "jobs.v1.jobs", "models.v1.models",
    "synthesis.v1.synthesis", "training.v1.training", "tuning.v1.tuning",
)  # fmt: skip


def methods():
    for contract in CONTRACTS:
        package, _, name = contract.rpartition(".")
        file = importlib.import_module(f"synthoscope.api.{package}.{name}_service_pb2").DESCRIPTOR
        for service in file.services_by_name.values():
            yield from (f"/{service.full_name}/{method.name}" for method in service.methods)


METHODS = sorted(methods())


def test_there_are_roles():
    assert {"diagnose", "read", "train", "admin"} == ROLES
    assert len(METHODS) > 55


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_the_contracts_names_its_roles(method):
    assert "admin" in roles_of(method) <= ROLES
    name = method.rpartition("/")[2]
    if name.startswith(("Delete", "Promote", "RollBack", "RepositoryModel")):
        assert roles_of(method) == {"admin"}
    elif name.startswith(("Get", "List", "Watch", "Download")):
        assert "read" in roles_of(method)
    elif not name.startswith(("Server", "Model", "Repository", "Compare")):
        assert "read" not in roles_of(method)


def test_diagnoses_are_for_those_who_diagnose_or_read():
    service = "/synthoscope.api.classification.v1.DiagnosisService"
    assert roles_of(f"{service}/Diagnose") == {"diagnose", "admin"}
    assert roles_of(f"{service}/ListDiagnoses") == {"diagnose", "read", "admin"}


def test_methods_of_others_are_for_all():
    assert roles_of("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo") == ROLES
    assert roles_of("/none.Service/Method") == ROLES


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        (["read"], "PERMISSION_DENIED"),
        ([], "PERMISSION_DENIED"),
        (["diagnose"], "UNIMPLEMENTED"),
        (["admin"], "UNIMPLEMENTED"),
    ],
)
def test_a_caller_without_the_role_is_refused_before_anything_is_done(roles, code):
    registration = Registration(
        "synthoscope.api.classification.v1.DiagnosisService",
        add_DiagnosisServiceServicer_to_server,
        DiagnosisServiceServicer(),
    )
    with running_server([registration], roles=roles) as server, open_channel(server.address, server.token) as channel:
        with pytest.raises(grpc.RpcError) as error:
            DiagnosisServiceStub(channel).Diagnose(messages.DiagnoseRequest(), timeout=5)
        assert error.value.code().name == code
        if code == "PERMISSION_DENIED":
            assert error.value.details() == "needs the role admin or diagnose"
