import pickle

import grpc
import pytest
from google.rpc import error_details_pb2

from synthoscope.api.jobs.v1 import jobs_service_pb2
from synthoscope.rpc import errors
from synthoscope.rpc.status import from_rpc_error, to_status

GET = "synthoscope.api.jobs.v1.JobService/GetJob"


def details(status, kind):
    found = kind()
    return found if any(packed.Unpack(found) for packed in status.details) else None


def failure(raw, job):
    with pytest.raises(grpc.RpcError) as caught:
        raw.unary(GET, jobs_service_pb2.GetJobRequest(name=f"tenants/default/jobs/{job}").SerializeToString())
    return caught.value


def test_every_error_has_its_status_and_reason():
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SynthoscopeError)
    ]
    assert len(kinds) == 13
    for kind in kinds:
        error = kind("field", "is wrong") if kind is errors.InvalidInput else kind("is wrong")
        status = to_status(error)
        assert status.code == kind.status.value[0]
        assert "is wrong" in status.message
        assert details(status, error_details_pb2.ErrorInfo).reason == kind.status.name


def test_violations_name_the_field():
    violations = details(to_status(errors.InvalidInput("epochs", "must be in [1, 1000]")), error_details_pb2.BadRequest)
    assert [(v.field, v.description) for v in violations.field_violations] == [("epochs", "must be in [1, 1000]")]


def test_retry_only_when_known():
    assert details(to_status(errors.ResourceExhausted("x")), error_details_pb2.RetryInfo) is None
    retry = details(to_status(errors.ResourceExhausted("x", retry_after=0.25)), error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 250


def test_a_status_always_fits_into_metadata():
    for text in ("x" * 10**6, "é" * 10**6, "\U0001f9e0" * 10**6):
        assert to_status(errors.InvalidInput("f" * 10**5, text)).ByteSize() < 5000


def test_client_gets_the_same_error_back(raw):
    wrong = from_rpc_error(failure(raw, "wrong"))
    assert isinstance(wrong, errors.InvalidInput)
    assert wrong.violations == (errors.FieldViolation("name", "must be right"),)
    busy = from_rpc_error(failure(raw, "busy"))
    assert isinstance(busy, errors.ResourceExhausted)
    assert busy.retry_after == 1.5


def test_a_long_message_arrives_shortened(raw):
    error = failure(raw, "long")
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details().endswith("…")
    assert isinstance(from_rpc_error(error), errors.NotFound)


def test_an_internal_error_stays_opaque(raw):
    error = from_rpc_error(failure(raw, "bug"))
    assert type(error) is errors.SynthoscopeError
    assert error.message.startswith("internal error")


def test_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(errors.InvalidInput("epochs", "must be at least 1")))
    assert error.violations == (errors.FieldViolation("epochs", "must be at least 1"),)
