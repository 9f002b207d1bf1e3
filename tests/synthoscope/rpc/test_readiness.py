import asyncio
import threading
import time

import grpc
import pytest
import servers
from grpc_health.v1 import health_pb2, health_pb2_grpc

from synthoscope import dependencies
from synthoscope.rpc.errors import Unavailable
from synthoscope.rpc.health import HealthServicer
from synthoscope.rpc.readiness import UP, Dependency, Readiness

JOBS = "synthoscope.api.jobs.v1.JobService"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class Switch:
    """A dependency that is there, away, or (with None) never answers."""

    def __init__(self, name):
        self.there, self.asked, self.name, self.released = True, 0, name, threading.Event()

    def __call__(self):
        self.asked += 1
        if self.there is None:
            self.released.wait(30)
        if not self.there:
            raise Unavailable(f"{self.name} is away")


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class Watched:
    """A readiness at work: `async with` it, and ask for the statuses."""

    def __init__(self, *switches, patience=0.0):
        self.health, self.stop = HealthServicer([JOBS]), asyncio.Event()
        needed = [Dependency(switch.name, switch) for switch in switches]
        self.readiness = Readiness(self.health, needed, probe_seconds=0.02, patience_seconds=patience)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.readiness.watch(self.stop))
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        await asyncio.wait_for(self.task, 30)

    async def status(self, service=""):
        return (await self.health.Check(health_pb2.HealthCheckRequest(service=service), None)).status

    async def becomes(self, status):
        async with asyncio.timeout(30):
            while await self.status() != status:
                await asyncio.sleep(0.005)
        assert await self.status(JOBS) == status


async def test_health_follows_all_dependencies():
    one, two = Switch("one"), Switch("two")
    async with Watched(one, two) as watched:
        await until(lambda: one.asked > 2)
        assert await watched.status() == SERVING
        one.there = False
        await watched.becomes(NOT_SERVING)
        assert UP.labels("one")._value.get() == 0
        two.there = False
        await until(lambda: UP.labels("two")._value.get() == 0)
        one.there = True
        await until(lambda: UP.labels("one")._value.get() == 1)
        assert await watched.status() == NOT_SERVING
        two.there = True
        await watched.becomes(SERVING)


async def test_a_short_absence_is_not_told():
    switch = Switch("short")
    async with Watched(switch, patience=3600) as watched:
        switch.there = False
        await until(lambda: UP.labels("short")._value.get() == 0)
        asked = switch.asked
        await until(lambda: switch.asked > asked + 3)
        assert await watched.status() == SERVING


async def test_what_hangs_is_away_and_is_not_asked_again_meanwhile():
    switch = Switch("hangs")
    switch.there = None
    async with Watched(switch, patience=0.05) as watched:
        await watched.becomes(NOT_SERVING)
        assert switch.asked == 1
        switch.there = True
        switch.released.set()
        await watched.becomes(SERVING)


async def test_a_check_that_is_wrong_ends_the_process():
    def wrong():
        raise KeyError("bug")

    readiness = Readiness(HealthServicer([JOBS]), [Dependency("wrong", wrong)], 0.02, 0)
    with pytest.raises(KeyError):
        await readiness.watch(asyncio.Event())


@pytest.mark.stack
def test_a_server_is_not_ready_while_its_object_store_or_redis_is_gone(start, tmp_path):
    with servers.seaweedfs(tmp_path / "s3") as (objects, s3), servers.valkey(tmp_path / "redis") as (redis, valkey):
        needed = [dependencies.object_store(objects), dependencies.redis(redis)]
        with start(dependencies=needed, readiness_probe_seconds=0.2, readiness_patience_seconds=0.5) as raw:
            health = health_pb2_grpc.HealthStub(raw.channel)

            def becomes(status):
                deadline = time.monotonic() + 60
                while health.Check(health_pb2.HealthCheckRequest(service=JOBS), timeout=10).status != status:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)

            becomes(SERVING)
            for server in (s3, valkey):
                server.kill()
                becomes(NOT_SERVING)
                with pytest.raises(grpc.RpcError):
                    raw.unary(f"{JOBS}/NoSuchMethod")  # it still answers
                server.start()
                becomes(SERVING)


@pytest.mark.stack
def test_a_bucket_that_is_gone_or_a_wrong_password_is_said(object_store_settings, redis_settings):
    with pytest.raises(Unavailable, match="no bucket none"):
        dependencies.object_store(object_store_settings.other_bucket("none")).check()
    dependencies.object_store(object_store_settings).check()
    dependencies.redis(redis_settings).check()
    with pytest.raises(Unavailable, match="cannot be reached"):
        dependencies.redis(redis_settings.model_copy(update={"port": 1})).check()
