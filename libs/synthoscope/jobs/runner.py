"""What runs jobs, as the reconciler sees it."""

from dataclasses import dataclass
from typing import Protocol

from synthoscope.jobs.job import Job


@dataclass(frozen=True)
class RunnerStatus:
    """Whether an attempt's process exists (or is about to), and what the runner says of it."""

    alive: bool
    message: str = ""


class Runner(Protocol):
    """Starts a process per attempt of a job; the process outlives the service. Every method raises Unavailable."""

    def start(self, job: Job) -> None:
        """Starts the job's current attempt; nothing happens when it was started before."""

    def status(self, job: Job) -> RunnerStatus:
        """What has become of the job's current attempt."""

    def stop(self, job: Job) -> None:
        """Ends the current attempt's process, if there is one."""
