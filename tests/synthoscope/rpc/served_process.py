"""A process for test_server.py: serves one slow service; its argument says what goes on in the background."""

import asyncio
import sys
import time

from pydantic_settings import BaseSettings, SettingsConfigDict

from synthoscope.api.jobs.v1 import jobs_pb2, jobs_service_pb2_grpc
from synthoscope.rpc.server import Registration, serve
from synthoscope.rpc.settings import ServerSettings

PATIENT = "Jane Doe"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SYNTHOSCOPE_", env_nested_delimiter="__", frozen=True, extra="ignore")
    server: ServerSettings


class Jobs(jobs_service_pb2_grpc.JobServiceServicer):
    def GetJob(self, request, context):
        if request.name.endswith("bug"):
            raise ValueError(PATIENT)
        if request.name.endswith("hang"):
            time.sleep(600)
        time.sleep(1)
        return jobs_pb2.Job(name=request.name)

    async def WatchJob(self, request, context):
        while True:
            yield jobs_pb2.JobEvent()
            await asyncio.sleep(0.02)


async def tidy(stop):
    await stop.wait()
    print("background ended", flush=True)


async def crashing(stop):
    await asyncio.sleep(0.5)
    raise ValueError(PATIENT)


async def deaf(stop):
    await asyncio.sleep(600)


if __name__ == "__main__":
    add = jobs_service_pb2_grpc.add_JobServiceServicer_to_server
    serve(
        "jobs",
        Settings().server,
        [
            Registration(
                "synthoscope.api.jobs.v1.JobService", jobs_service_pb2_grpc.add_JobServiceServicer_to_server, Jobs()
            )
        ],
        [globals()[name] for name in sys.argv[1:]],
    )
