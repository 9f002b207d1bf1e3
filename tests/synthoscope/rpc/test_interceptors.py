import gzip
import threading
import time
import urllib.request
from dataclasses import replace

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthoscope.api.images.v1 import images_pb2, images_service_pb2
from synthoscope.api.jobs.v1 import jobs_pb2, jobs_service_pb2
from synthoscope.rpc.errors import ResourceExhausted
from synthoscope.rpc.status import from_rpc_error
from synthoscope.rpc.testing import running_server

GET = "synthoscope.api.jobs.v1.JobService/GetJob"
CANCEL = "synthoscope.api.jobs.v1.JobService/CancelJob"
WATCH = "synthoscope.api.jobs.v1.JobService/WatchJob"
UPLOAD = "synthoscope.api.images.v1.ImageService/UploadImage"
MIB = 1024 * 1024


def get(job, tenant="default"):
    return jobs_service_pb2.GetJobRequest(name=f"tenants/{tenant}/jobs/{job}").SerializeToString()


def status_of(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def test_plain_method_answers_and_knows_its_caller(raw):
    job = jobs_pb2.Job.FromString(raw.unary(GET, get("1")))
    assert job.name == "tenants/default/jobs/1"
    assert job.request_id == "default/local"


def test_streams_both_ways(raw):
    events = [jobs_pb2.JobEvent.FromString(data).id for data in raw.watch(WATCH, get("1"))]
    assert events == ["0", "1", "2"]
    parts = [images_service_pb2.UploadImageRequest(chunk=b"x" * n).SerializeToString() for n in (1, 2, 3)]
    assert images_pb2.ImageRef.FromString(raw.upload(UPLOAD, iter(parts))).size_bytes == 6


def test_unexpected_error_shows_nothing_but_an_id(raw, caplog):
    error = status_of(lambda: raw.unary(GET, get("bug")))
    assert error.code() is grpc.StatusCode.INTERNAL
    label, identifier = error.details().rsplit(" ", 1)
    assert label == "internal error"
    assert len(identifier) == 16
    sent = f"{error.details()} {error.trailing_metadata()} {error.initial_metadata()}"
    for secret in ("Jane", "May", "Traceback", "ValueError", ".py"):
        assert secret not in sent
    assert identifier in caplog.text


def test_unexpected_error_within_a_stream(raw):
    stream = raw.watch(WATCH, get("bug"))
    assert jobs_pb2.JobEvent.FromString(next(stream)).id == "0"
    error = status_of(lambda: next(stream))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "Jane" not in error.details()


def test_a_method_that_returns_no_message_is_internal(raw):
    assert status_of(lambda: raw.unary(GET, get("nothing"))).code() is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("data", [b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\xff" * 20, b"\x0b" * 200])
def test_malformed_request_is_the_callers_mistake(raw, data):
    for call in (
        lambda: raw.unary(GET, data),
        lambda: list(raw.watch(WATCH, data)),
        lambda: raw.upload(UPLOAD, iter([b"", data])),
    ):
        assert status_of(call).code() is grpc.StatusCode.INVALID_ARGUMENT


def test_call_without_a_message_is_the_callers_mistake(raw):
    assert status_of(lambda: raw.upload(GET, iter(()))).code() is grpc.StatusCode.INVALID_ARGUMENT


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_no_bytes_are_an_internal_error(raw, data):
    for call in (
        lambda: raw.unary(GET, data),
        lambda: list(raw.watch(WATCH, data)),
        lambda: raw.upload(UPLOAD, iter([data])),
        lambda: list(raw.converse("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", iter([data]))),
        lambda: raw.unary("grpc.health.v1.Health/Check", data),
    ):
        assert _code(call) in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.one_of(st.text(max_size=50), st.text(max_size=20).map("tenants/{}".format)), page=st.integers(-(2**31), 0)
)
def test_no_well_formed_request_is_an_internal_error(raw, name, page):
    request = jobs_service_pb2.ListJobsRequest(parent=name, page_size=page).SerializeToString()
    foreign = name.startswith("tenants/") and name.split("/")[1] != "default"
    expected = grpc.StatusCode.NOT_FOUND if foreign else grpc.StatusCode.UNIMPLEMENTED
    assert _code(lambda: raw.unary("synthoscope.api.jobs.v1.JobService/ListJobs", request)) is expected


def test_message_over_the_limit(raw):
    too_large = b"x" * (5 * MIB)
    assert status_of(lambda: raw.unary(GET, too_large)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    error = status_of(lambda: raw.upload(UPLOAD, iter([b"", too_large])))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_message_just_under_the_limit(raw):
    part = images_service_pb2.UploadImageRequest(chunk=b"x" * (4 * MIB - 1024))
    assert images_pb2.ImageRef.FromString(raw.upload(UPLOAD, iter([part.SerializeToString()]))).size_bytes > 0


def test_compressed_message_that_expands_over_the_limit(raw):
    bomb = bytes(64 * MIB)
    assert len(gzip.compress(bomb, 1)) < MIB
    error = status_of(lambda: raw.unary(GET, bomb, compression=grpc.Compression.Gzip))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_metadata_over_the_limit(raw):
    error = status_of(lambda: raw.unary(GET, get("1"), metadata=(*raw.token, ("x-more", "y" * 12_000))))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_unknown_and_unoffered_methods(raw):
    for method in (
        "synthoscope.api.jobs.v1.JobService/NoSuchMethod",
        "no.such.Service/Method",
        "synthoscope.api.jobs.v1.JobService/ListJobs",
        "synthoscope.api.images.v1.ImageService/FindMissingImages",
    ):
        assert status_of(lambda method=method: raw.unary(method)).code() is grpc.StatusCode.UNIMPLEMENTED
    uploads = "synthoscope.api.images.v1.ImageService/UploadImages"
    assert status_of(lambda: raw.upload(uploads, iter([b""]))).code() is grpc.StatusCode.UNIMPLEMENTED
    download = "synthoscope.api.images.v1.ImageService/DownloadImage"
    assert status_of(lambda: list(raw.watch(download))).code() is grpc.StatusCode.UNIMPLEMENTED


def test_no_token_and_wrong_token(raw):
    for metadata in (
        (),
        (("authorization", "Bearer nonsense"),),
        (("authorization", raw.server.token),),
        (("authorization", f"Basic {raw.server.token}"),),
        (("authorization", "Bearer "),),
    ):
        for call in (
            lambda metadata=metadata: raw.unary(GET, get("1"), metadata=metadata),
            lambda metadata=metadata: list(raw.watch(WATCH, get("1"), metadata=metadata)),
            lambda metadata=metadata: raw.upload(UPLOAD, iter([b""]), metadata=metadata),
        ):
            assert status_of(call).code() is grpc.StatusCode.UNAUTHENTICATED


def test_missing_role(start):
    with start(roles=()) as raw:
        assert status_of(lambda: raw.unary(GET, get("admin"))).code() is grpc.StatusCode.PERMISSION_DENIED


def test_another_tenant_is_not_found_in_any_message(raw):
    foreign = images_service_pb2.UploadImageRequest(header=images_service_pb2.UploadImageHeader(parent="tenants/other"))
    own = images_service_pb2.UploadImageRequest(header=images_service_pb2.UploadImageHeader(parent="tenants/default"))
    for call in (
        lambda: raw.unary(GET, get("1", tenant="other")),
        lambda: list(raw.watch(WATCH, get("1", tenant="other"))),
        lambda: raw.upload(UPLOAD, iter([own.SerializeToString(), foreign.SerializeToString()])),
    ):
        assert status_of(call).code() is grpc.StatusCode.NOT_FOUND
    assert raw.upload(UPLOAD, iter([own.SerializeToString()])) is not None


def test_a_call_without_room_is_refused_before_it_is_read(registrations):
    room = threading.Event()

    def check_room():
        if not room.is_set():
            raise ResourceExhausted("busy; try again later", retry_after=0.25)

    bounded = [replace(registrations[0], bounded=["GetJob"], check_room=check_room), *registrations[1:]]
    with running_server(bounded) as server, grpc.insecure_channel(server.address) as channel:
        ask, token = channel.unary_unary(f"/{GET}"), (("authorization", f"Bearer {server.token}"),)
        for data, metadata in ((get("1"), token), (get("1"), ()), (b"no message", token), (bytes(5 * MIB), token)):
            error = status_of(lambda data=data, metadata=metadata: ask(data, metadata=metadata, timeout=10))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        refused = from_rpc_error(status_of(lambda: ask(get("1"), metadata=token, timeout=10)))
        assert isinstance(refused, ResourceExhausted)
        assert (refused.message, refused.retry_after) == ("busy; try again later", 0.25)
        assert list(channel.unary_stream(f"/{WATCH}")(get("1"), metadata=token, timeout=10))  # a method without a bound
        room.set()
        assert ask(get("1"), metadata=token, timeout=10)
        with urllib.request.urlopen(f"http://{server.metrics}/metrics") as page:
            counted = page.read().decode()
    method = 'grpc_server_handled_total{grpc_code="RESOURCE_EXHAUSTED",grpc_method="GetJob"'
    assert any(line.startswith(method) and float(line.split()[-1]) >= 5 for line in counted.splitlines())


def test_calls_over_the_bound_are_refused_at_once_and_probes_are_not(start):
    with start(maximum_concurrent_rpcs=4) as raw:
        watches = [raw.watch(WATCH, get("endless")) for _ in range(4)]
        for watch in watches:
            next(watch)
        began = time.perf_counter()
        error = status_of(lambda: raw.unary(GET, get("1")))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert time.perf_counter() - began < 3  # calls that wait do so for longer
        assert raw.unary("grpc.health.v1.Health/Check", metadata=()) == b"\x08\x01"
        for watch in watches:
            watch.cancel()
        assert _eventually(lambda: raw.unary(GET, get("1")))


def test_plain_methods_share_a_bounded_pool(start):
    with start(threads=2) as raw:
        call = raw.channel.unary_unary(f"/{GET}")
        began = time.perf_counter()
        calls = [call.future(get("slow"), metadata=raw.token, timeout=10) for _ in range(4)]
        for pending in calls:
            pending.result()
        assert time.perf_counter() - began > 0.9  # four of half a second each, two at a time


def test_a_cancelled_call_stops_its_method(start, jobs):
    with start(jobs) as raw:
        call = raw.channel.unary_unary(f"/{CANCEL}").future(get("1"), metadata=raw.token, timeout=30)
        time.sleep(0.2)
        call.cancel()
        assert jobs.cancelled.wait(10)


def test_a_client_that_leaves_a_stream_is_no_error(start, caplog):
    with start() as raw:
        stream = raw.watch(WATCH, get("endless"))
        next(stream)
        stream.cancel()
        time.sleep(0.1)
    assert "unexpected" not in caplog.text


def test_calls_without_a_deadline_get_one(start):
    release = threading.Event()

    def never(first=b""):
        yield first
        release.wait(20)

    with start(unary_seconds=0.3, upload_seconds=0.3, watch_seconds=0.3) as raw:
        try:
            for call in (
                lambda: raw.unary(CANCEL, get("1"), timeout=None),
                lambda: raw.unary(GET, get("slow"), timeout=None),
                lambda: raw.upload(UPLOAD, never(), timeout=None),
                lambda: list(raw.watch(WATCH, get("endless"), timeout=None)),
            ):
                began = time.perf_counter()
                assert status_of(call).code() is grpc.StatusCode.DEADLINE_EXCEEDED
                assert time.perf_counter() - began < 10
        finally:
            release.set()


def test_a_unary_request_that_never_comes_ends_too(start):
    release = threading.Event()

    def nothing():
        release.wait(20)
        yield from ()

    with start(unary_seconds=0.3) as raw:
        try:
            error = status_of(lambda: raw.upload(GET, nothing(), timeout=None))
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        finally:
            release.set()


def test_the_callers_own_deadline_holds(raw):
    began = time.perf_counter()
    error = status_of(lambda: raw.unary(CANCEL, get("1"), timeout=0.2))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.perf_counter() - began < 5


def _code(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def _eventually(call, seconds=3):
    until = time.monotonic() + seconds
    while True:
        try:
            return call()
        except grpc.RpcError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
