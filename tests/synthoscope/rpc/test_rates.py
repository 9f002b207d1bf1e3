import grpc
import pytest

from synthoscope.api.images.v1.images_service_pb2 import FindMissingImagesRequest, FindMissingImagesResponse
from synthoscope.api.images.v1.images_service_pb2_grpc import (
    ImageServiceServicer,
    ImageServiceStub,
    add_ImageServiceServicer_to_server,
)
from synthoscope.rpc import rates
from synthoscope.rpc.channel import open_channel
from synthoscope.rpc.errors import ResourceExhausted
from synthoscope.rpc.rates import Rates
from synthoscope.rpc.server import Registration
from synthoscope.rpc.status import from_rpc_error
from synthoscope.rpc.testing import running_server


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def allowed(limits, caller, calls):
    count = 0
    for _ in range(calls):
        try:
            limits.take(caller)
        except ResourceExhausted:
            continue
        count += 1
    return count


def test_a_burst_and_then_so_many_a_second(clock):
    limits = Rates(2.0, 5, clock)
    assert allowed(limits, "ada", 10) == 5
    clock.now = 1.0
    assert allowed(limits, "ada", 10) == 2
    clock.now = 100.0
    assert allowed(limits, "ada", 10) == 5


def test_callers_do_not_share(clock):
    limits = Rates(1.0, 1, clock)
    assert [allowed(limits, caller, 3) for caller in ("ada", "bob")] == [1, 1]


def test_it_says_when_to_come_again(clock):
    limits = Rates(4.0, 1, clock)
    limits.take("ada")
    with pytest.raises(ResourceExhausted) as error:
        limits.take("ada")
    assert error.value.retry_after == pytest.approx(0.25)
    clock.now = 0.25
    limits.take("ada")


def test_0_lets_everything_through(clock):
    assert allowed(Rates(0.0, 1, clock), "ada", 100) == 100


def test_callers_are_forgotten_in_the_end(clock, monkeypatch):
    monkeypatch.setattr(rates, "_CALLERS", 3)
    limits = Rates(1.0, 1, clock)
    for caller in range(10):
        limits.take(caller)
    assert len(limits._left) == 3


class Images(ImageServiceServicer):
    def FindMissingImages(self, request, context):
        return FindMissingImagesResponse()


def test_a_server_counts_by_its_tokens():
    registration = Registration("synthoscope.api.images.v1.ImageService", add_ImageServiceServicer_to_server, Images())
    request = FindMissingImagesRequest(parent="tenants/default")
    limits = {"calls_per_second": 0.1, "calls_at_once": 2}
    with running_server([registration], **limits) as server, open_channel(server.address, server.token) as channel:
        find = ImageServiceStub(channel).FindMissingImages
        find(request, timeout=5)
        find(request, timeout=5)
        with pytest.raises(grpc.RpcError) as error:
            find(request, timeout=5)
    refusal = from_rpc_error(error.value)
    assert isinstance(refusal, ResourceExhausted)
    assert 5 < refusal.retry_after <= 10
