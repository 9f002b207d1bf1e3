"""Where long work through the client shows how far it is."""

from contextlib import AbstractContextManager
from typing import Protocol

from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.client.datasets import ImportProgress


class Display(Protocol):
    """What a run of many steps shows its progress on."""

    def upload(self, title: str) -> AbstractContextManager[ImportProgress]:
        """Shows an upload."""

    def follow(self, job: Job, title: str) -> Job:
        """Shows a job until it ends; returns it when it SUCCEEDED. Raises JobFailed or Cancelled otherwise."""
