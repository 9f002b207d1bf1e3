"""The command's display of work of many steps: bars on a terminal, lines in a log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from synthoscope.api.jobs.v1.jobs_pb2 import Job
from synthoscope.cli.console import bar, follow
from synthoscope.client import Client
from synthoscope.client.datasets import ImportProgress


@dataclass(frozen=True)
class ConsoleDisplay:
    """A `Display` on stderr."""

    client: Client

    @contextmanager
    def upload(self, title: str) -> Iterator[ImportProgress]:
        """Shows an upload."""
        with bar() as progress:
            task = progress.add_task(title, total=None, note="")
            yield lambda phase, done, total: progress.update(task, completed=done, total=total, note=phase)

    def follow(self, job: Job, title: str) -> Job:
        """Shows a job until it ends; returns it when it SUCCEEDED. Raises JobFailed or Cancelled otherwise."""
        return follow(self.client, job, title)
