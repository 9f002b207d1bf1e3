"""`synthoscope jobs`: list, show, watch, events, cancel."""

from pathlib import Path
from typing import Annotated

import typer

from synthoscope import names
from synthoscope.api.jobs.v1.jobs_pb2 import Job, JobKind
from synthoscope.cli.console import (
    AsJson,
    console,
    follow,
    print_message,
    print_messages,
    short_name,
    state_name,
    table,
)
from synthoscope.client import Client

app = typer.Typer(no_args_is_help=True, help="Jobs: list, show, watch, events, cancel.")

JobId = Annotated[str, typer.Argument(help="Id of a job.")]


@app.command("list")
def list_jobs(limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, as_json: AsJson = False) -> None:
    """Lists the newest jobs."""
    with Client() as client:
        jobs = client.jobs.list(limit=limit)
    if as_json:
        print_messages(jobs)
        return
    rows = table("jobs", "job", "kind", "state", "progress", "accepted", "note")
    for job in jobs:
        kind = JobKind.Name(job.kind).removeprefix("JOB_KIND_").replace("_", " ").lower()
        steps = f"{job.progress.step}/{job.progress.total_steps}" if job.progress.total_steps else ""
        when = job.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
        rows.add_row(short_name(job.name), kind, state_name(job.state), steps, when, _note(job))
    console.print(rows)


@app.command("show")
def show(job: JobId, as_json: AsJson = False) -> None:
    """Shows a job."""
    with Client() as client:
        _show(client.jobs.get(client.name(names.JOB, "job", job)), as_json)


@app.command("watch")
def watch(job: JobId, as_json: AsJson = False) -> None:
    """Follows a job to its end."""
    with Client() as client:
        current = client.jobs.get(client.name(names.JOB, "job", job))
        _show(follow(client, current, short_name(current.name)), as_json)


@app.command("events")
def events(
    job: Annotated[str, typer.Argument(help="Id of a training job.")],
    folder: Annotated[Path, typer.Argument(help="Where to write its TensorBoard event files.")],
) -> None:
    """Writes a training's curves and sample grids so that `tensorboard --logdir FOLDER` shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    with Client() as client:
        written = client.models.download_event_files(client.name(names.JOB, "job", job), folder)
    console.print(f"wrote {len(written)} event files to {folder}")


@app.command("cancel")
def cancel(job: JobId, as_json: AsJson = False) -> None:
    """Asks a job to stop."""
    with Client() as client:
        _show(client.jobs.cancel(client.name(names.JOB, "job", job)), as_json)


def _show(job: Job, as_json: bool) -> None:
    if as_json:
        print_message(job)
    else:
        console.print(f"{short_name(job.name)} {state_name(job.state)} {_note(job)}")


def _note(job: Job) -> str:
    if job.error.message:
        return f"{job.error.code}: {job.error.message}"
    return short_name(job.result) if job.result else job.state_reason
