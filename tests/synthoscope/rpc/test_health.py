import asyncio
import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from synthoscope.rpc.health import HealthServicer

JOBS = "synthoscope.api.jobs.v1.JobService"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


def request(service=""):
    return health_pb2.HealthCheckRequest(service=service)


def test_check_needs_no_token(raw):
    health = health_pb2_grpc.HealthStub(raw.channel)
    for service in ("", JOBS):
        assert health.Check(request(service), timeout=5).status == SERVING
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(request("no.such.Service"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_watch_tells_of_the_drain_and_ends(start):
    seen = []
    begun = threading.Event()

    def watch(stub):
        for response in stub.Watch(request(JOBS), timeout=30):
            seen.append(response.status)
            begun.set()

    with start() as raw:
        channel = grpc.insecure_channel(raw.server.address)
        thread = threading.Thread(target=watch, args=(health_pb2_grpc.HealthStub(channel),))
        thread.start()
        assert begun.wait(5)
    thread.join(5)
    channel.close()
    assert seen == [SERVING, NOT_SERVING]


async def test_watchers_see_every_state_and_the_end():
    health = HealthServicer([JOBS])
    watches = [health.Watch(request(service), None) for service in (JOBS, JOBS, "other")]
    assert [(await anext(watch)).status for watch in watches] == [SERVING, SERVING, UNKNOWN]
    health.set(JOBS, serving=False)
    assert (await anext(watches[0])).status == NOT_SERVING
    waiting = asyncio.ensure_future(anext(watches[0]))
    await asyncio.sleep(0)
    health.set(JOBS, serving=True)
    assert (await waiting).status == SERVING
    health.drain()
    health.set(JOBS, serving=True)
    for watch in watches[:2]:
        assert [response.status async for response in watch] == [NOT_SERVING]
    assert [response.status async for response in watches[2]] == []
    assert (await health.Check(request(), None)).status == NOT_SERVING
