import hashlib

import pytest
from google.protobuf import struct_pb2

from synthoscope.api.datasets.v1 import datasets_service_pb2
from synthoscope.api.images.v1 import images_pb2
from synthoscope.api.jobs.v1 import jobs_pb2
from synthoscope.rpc.auth import Authenticator, Caller, TokenRecord, acting_as, caller, check_tenant
from synthoscope.rpc.errors import NotFound, PermissionDenied, StartupError, Unauthenticated
from synthoscope.rpc.testing import write_tokens


def record(token, tenant):
    return TokenRecord(sha256=hashlib.sha256(token.encode()).hexdigest(), tenant=tenant, subject=f"s-{tenant}")


AUTHENTICATOR = Authenticator((record("one", "a"), record("two", "b")))


def test_each_token_stands_for_its_caller():
    assert AUTHENTICATOR.authenticate([("authorization", "Bearer one")]) == Caller("a", "s-a", frozenset())
    assert AUTHENTICATOR.authenticate([("x", "y"), ("authorization", b"bearer two")]).tenant == "b"


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer  ", "Bearer three", "one", "Basic one", "Bearer one two", "Bearer é"],
)
def test_everything_else_is_unauthenticated(value):
    with pytest.raises(Unauthenticated):
        AUTHENTICATOR.authenticate([("authorization", value)])


def test_only_the_digest_is_kept():
    assert "one" not in repr(AUTHENTICATOR.records)


def test_no_token_no_caller():
    with pytest.raises(Unauthenticated):
        caller()
    with acting_as(Caller("a", "s", frozenset({"read"}))):
        assert caller().tenant == "a"
        caller().require(frozenset({"read", "admin"}))
        with pytest.raises(PermissionDenied, match="admin or train"):
            caller().require(frozenset({"train", "admin"}))


def test_tokens_file(tmp_path):
    path = tmp_path / "tokens.json"
    write_tokens(path, "secret", tenant="t", roles=("admin",))
    identity = Authenticator.load(path).authenticate([("authorization", "Bearer secret")])
    assert identity == Caller("t", "local", frozenset({"admin"}))


def test_a_tokens_file_that_changes_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr("synthoscope.rpc.auth._LOOK_SECONDS", 0.0)
    path = tmp_path / "tokens.json"
    write_tokens(path, "first", tenant="t")
    authenticator = Authenticator.load(path)
    write_tokens(path, "second", tenant="another")
    assert authenticator.authenticate([("authorization", "Bearer second")]).tenant == "another"
    with pytest.raises(Unauthenticated):
        authenticator.authenticate([("authorization", "Bearer first")])
    path.write_text("{")
    assert authenticator.authenticate([("authorization", "Bearer second")]).tenant == "another"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tokens": [{"sha256": "00", "tenant": "a", "subject": "b"}]}'])
def test_malformed_tokens_file(tmp_path, text):
    path = tmp_path / "tokens.json"
    path.write_text(text)
    with pytest.raises(StartupError, match=r"tokens\.json is malformed"):
        Authenticator.load(path)


def test_unknown_roles_are_malformed(tmp_path):
    path = tmp_path / "tokens.json"
    write_tokens(path, "secret", roles=("root",))
    with pytest.raises(StartupError, match=r"malformed at tokens\.0\.roles"):
        Authenticator.load(path)


def test_missing_tokens_file(tmp_path):
    with pytest.raises(StartupError, match="No such file"):
        Authenticator.load(tmp_path / "tokens.json")


def test_own_names_and_other_texts_pass():
    check_tenant(jobs_pb2.Job(name="tenants/a/jobs/1", request_id="not a name", state_reason="tenant b"), "a")
    check_tenant(jobs_pb2.Job(), "a")


@pytest.mark.parametrize("name", ["tenants/b/jobs/1", "tenants/b", "tenants/", "tenants/aa", "tenants//a", "tenants/A"])
def test_foreign_names_are_not_found(name):
    with pytest.raises(NotFound):
        check_tenant(jobs_pb2.Job(name=name), "a")


def test_nested_repeated_and_mapped_names_are_seen():
    foreign = "tenants/b/images/1"
    event = jobs_pb2.JobEvent(previews=[images_pb2.ImageRef(), images_pb2.ImageRef(name=foreign)])
    missing = datasets_service_pb2.GetDatasetVersionRequest(name=foreign)
    struct = struct_pb2.Struct()
    struct.update({"list": [{"deep": foreign}]})
    for message in (event, missing, struct):
        with pytest.raises(NotFound):
            check_tenant(message, "a")
    check_tenant(jobs_pb2.Progress(metrics={"tenants": 1.0}), "a")
    with pytest.raises(NotFound):
        check_tenant(jobs_pb2.Progress(metrics={foreign: 1.0}), "a")
