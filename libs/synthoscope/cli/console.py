"""How the command speaks: tables and progress bars for people, JSON for programs."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from google.protobuf import json_format
from google.protobuf.message import Message
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobEvent, JobState
from synthoscope.client import Client

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return at once; follow with `synthoscope jobs watch`.")]
RequestId = Annotated[str, typer.Option("--request-id", help="Submitting twice with the same id gives the same job.")]

console = Console()
progress_console = Console(stderr=True)
"""Progress goes to stderr, so that what a program reads from stdout is the result alone."""


def print_message(message: Message | Mapping[str, Any]) -> None:
    """Prints a message of the contract, or a mapping, as JSON."""
    text = json_format.MessageToJson(message) if isinstance(message, Message) else json.dumps(message, indent=2)
    typer.echo(text)


def print_messages(messages: Sequence[Message]) -> None:
    """Prints messages of the contract as a JSON list."""
    typer.echo(json.dumps([json_format.MessageToDict(message) for message in messages], indent=2))


def table(title: str, *columns: str) -> Table:
    """An empty table in the house style."""
    result = Table(title=title, title_justify="left")
    for column in columns:
        result.add_column(column)
    return result


def short_name(name: str) -> str:
    """What a person calls a resource: `brain@1f…` for a version, the id for anything else."""
    parts = name.split("/")
    return f"{parts[-3]}@{parts[-1]}" if len(parts) == 6 else parts[-1]


def state_name(state: JobState) -> str:
    """`RUNNING` for JOB_STATE_RUNNING."""
    return JobState.Name(state).removeprefix("JOB_STATE_")


def bar() -> Progress:
    """A progress bar that shows done, all, elapsed and remaining time."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=progress_console,
    )


def follow(client: Client, job: Job, title: str) -> Job:
    """Shows a job's progress until it ends; returns it when it SUCCEEDED.

    Ctrl-C leaves the job running. Raises JobFailed or Cancelled when it ended otherwise.
    """
    if not progress_console.is_terminal:
        return client.jobs.wait(job.name, _Lines(title))
    with bar() as progress:
        task = progress.add_task(title, total=None, note="")

        def show(event: JobEvent) -> None:
            current = event.job.progress
            waits = "queued: " if event.job.state == JobState.JOB_STATE_QUEUED else ""
            note = waits + _note(event.job)
            progress.update(task, completed=current.step, total=current.total_steps or None, note=note)

        return client.jobs.wait(job.name, show)


class _Lines:
    """Shows a job's progress where nothing can be overwritten, such as a log: a line every ten seconds."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._next = 0.0
        self._state = JobState.JOB_STATE_UNSPECIFIED

    def __call__(self, event: JobEvent) -> None:
        job, now = event.job, time.monotonic()
        if now < self._next and job.state == self._state:
            return
        self._next, self._state = now + 10.0, job.state
        steps = f" {job.progress.step}/{job.progress.total_steps}" if job.progress.total_steps else ""
        line = f"{self._title}: {state_name(job.state).lower()}{steps} {_note(job)}"
        progress_console.print(line.rstrip(), soft_wrap=True, highlight=False, markup=False)


def finish(client: Client, job: Job, title: str, *, detach: bool, as_json: bool) -> Job | None:
    """What every command that starts a job does next: follows it, or with `detach` prints it and returns None."""
    if not detach:
        return follow(client, job, title)
    if as_json:
        print_message(job)
    else:
        console.print(f"started {short_name(job.name)}; follow it with: synthoscope jobs watch {short_name(job.name)}")
    return None


def _note(job: Job) -> str:
    if job.state == JobState.JOB_STATE_QUEUED:
        return job.state_reason
    metrics = " ".join(f"{name} {value:.3g}" for name, value in sorted(job.progress.metrics.items())[:4])
    if job.state_reason:
        metrics = f"{metrics} ({job.state_reason})"
    rate = f"{job.progress.images_per_second:.0f} images/s " if job.progress.images_per_second else ""
    return f"{job.progress.phase} {rate}{metrics}"
