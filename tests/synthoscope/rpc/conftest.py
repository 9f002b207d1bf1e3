import asyncio
import contextlib
import threading
import time

import grpc
import pytest

from synthoscope.api.images.v1 import images_pb2, images_service_pb2_grpc
from synthoscope.api.jobs.v1 import jobs_pb2, jobs_service_pb2_grpc
from synthoscope.rpc import auth
from synthoscope.rpc.errors import InvalidInput, NotFound, ResourceExhausted
from synthoscope.rpc.server import Registration
from synthoscope.rpc.testing import RunningServer, running_server

JOBS = "synthoscope.api.jobs.v1.JobService"
IMAGES = "synthoscope.api.images.v1.ImageService"


class Jobs(jobs_service_pb2_grpc.JobServiceServicer):
    """Does what the job's id says."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def GetJob(self, request, context):
        match request.name.rpartition("/")[2]:
            case "wrong":
                raise InvalidInput("name", "must be right")
            case "busy":
                raise ResourceExhausted("too much", retry_after=1.5)
            case "long":
                raise NotFound("x" * 100_000)
            case "bug":
                raise ValueError("Jane Doe, born in May")
            case "slow":
                time.sleep(0.5)
            case "admin":
                auth.caller().require(frozenset({"admin"}))
            case "nothing":
                return None
        caller = auth.caller()
        return jobs_pb2.Job(name=request.name, request_id=f"{caller.tenant}/{caller.subject}")

    async def CancelJob(self, request, context):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def WatchJob(self, request, context):
        match request.name.rpartition("/")[2]:
            case "endless":
                while True:
                    yield jobs_pb2.JobEvent(id="again")
                    await asyncio.sleep(0.01)
            case "bug":
                yield jobs_pb2.JobEvent(id="0")
                raise ValueError("Jane Doe, born in May")
            case _:
                for number in range(3):
                    yield jobs_pb2.JobEvent(id=str(number))


class Images(images_service_pb2_grpc.ImageServiceServicer):
    """Counts bytes."""

    async def UploadImage(self, request_iterator, context):
        sizes = [len(request.chunk) async for request in request_iterator]
        return images_pb2.ImageRef(size_bytes=sum(sizes))


def _registrations(jobs: Jobs | None = None) -> list[Registration]:
    return [
        Registration(JOBS, jobs_service_pb2_grpc.add_JobServiceServicer_to_server, jobs or Jobs()),
        Registration(IMAGES, images_service_pb2_grpc.add_ImageServiceServicer_to_server, Images()),
    ]


class RawClient:
    """Calls with bytes, as a hostile or careless client can."""

    def __init__(self, server: RunningServer, channel: grpc.Channel) -> None:
        self.server, self.channel = server, channel
        self.token = (("authorization", f"Bearer {server.token}"),)

    def unary(self, method, data=b"", metadata=None, timeout=10.0, **options):
        call = self.channel.unary_unary(f"/{method}")
        return call(data, metadata=self.token if metadata is None else metadata, timeout=timeout, **options)

    def upload(self, method, chunks, metadata=None, timeout=10.0):
        call = self.channel.stream_unary(f"/{method}")
        return call(chunks, metadata=self.token if metadata is None else metadata, timeout=timeout)

    def watch(self, method, data=b"", metadata=None, timeout=10.0):
        call = self.channel.unary_stream(f"/{method}")
        return call(data, metadata=self.token if metadata is None else metadata, timeout=timeout)

    def converse(self, method, messages, metadata=None, timeout=10.0):
        call = self.channel.stream_stream(f"/{method}")
        return call(messages, metadata=self.token if metadata is None else metadata, timeout=timeout)


@contextlib.contextmanager
def _start(jobs=None, **options):
    with running_server(_registrations(jobs), **options) as running, grpc.insecure_channel(running.address) as channel:
        yield RawClient(running, channel)


@pytest.fixture
def start():
    """Starts a server of the test's own: `with start(unary_seconds=1) as raw: …`."""
    return _start


@pytest.fixture(scope="session")
def raw():
    """A client of one server that the tests share."""
    with _start() as client:
        yield client


@pytest.fixture
def jobs():
    return Jobs()


@pytest.fixture
def registrations():
    return _registrations()
