"""`synthoscope up`, `down`, `status` and `logs`: the local stack."""

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from synthoscope.cli.console import AsJson, console, progress_console, table
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput

Home = Annotated[
    Path | None,
    typer.Option("--home", envvar="SYNTHOSCOPE_HOME", help="Where the stack keeps its files.", file_okay=False),
]


def up(
    home: Home = None,
    port: Annotated[list[str] | None, typer.Option(help="NAME=PORT, for example training=50051; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Starts the local stack and waits until all of it is ready."""
    with _extra_installed():
        from synthoscope.local import stack
    began = time.monotonic()
    state = stack.up(home, progress_console.print, pinned=_pinned(port or []))
    seconds = time.monotonic() - began
    if as_json:
        shown = {"home": str(state.home), "seconds": round(seconds, 1), "dashboard": state.dashboard}
        typer.echo(json.dumps({**shown, "endpoints": state.endpoints, "metrics": state.metrics}, indent=2))
        return
    console.print(f"the stack is up after {seconds:.0f} s; its files are in {state.home}", soft_wrap=True)
    if state.dashboard:
        console.print(f"Ray dashboard: {state.dashboard} (token: ray_token in {state.home / 'state.json'})")


def down(
    home: Home = None,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Also delete all datasets, models and jobs of this stack.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Stops the local stack. Its data stays for the next `up`."""
    with _extra_installed():
        from synthoscope.local import stack
    stragglers = stack.down(home, delete_data=delete_data)
    if as_json:
        typer.echo(json.dumps({"stragglers": stragglers, "data_deleted": delete_data}))
    else:
        console.print("the stack is down" + (", its data is deleted" if delete_data else ""))


def status(home: Home = None, as_json: AsJson = False) -> None:
    """Shows every process of the local stack."""
    with _extra_installed():
        from synthoscope.local.home import home_of
        from synthoscope.local.state import StackState
        from synthoscope.local.status import status as statuses
    found = statuses(home)
    dashboard = StackState.load(home_of(home)).dashboard
    if as_json:
        typer.echo(
            json.dumps({"dashboard": dashboard, "processes": [dataclasses.asdict(one) for one in found]}, indent=2)
        )
        return
    rows = table("local stack", "process", "state", "pid", "up", "port", "metrics", "memory", "restarts", "reason")
    for one in found:
        color = "green" if one.state == "ready" else "yellow" if one.state == "starting" else "red"
        rows.add_row(
            one.name,
            f"[{color}]{one.state}[/{color}]",
            _number(one.pid),
            _duration(one.uptime) if one.pid else "",
            _number(one.port),
            _number(one.metrics),
            f"{one.memory / 2**20:.0f} MiB" if one.memory else "",
            str(one.restarts),
            escape(one.reason),
        )
    console.print(rows)
    if dashboard:
        console.print(f"Ray dashboard: {dashboard}")


def logs(
    process: Annotated[str, typer.Argument(help="A process's name as `synthoscope status` shows it.")],
    home: Home = None,
    lines: Annotated[int, typer.Option(min=0, max=100_000, help="How many of the last lines.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is added.")] = False,
) -> None:
    """Prints the log of a process."""
    with _extra_installed():
        from synthoscope.local import status as stack_status
    for line in stack_status.logs(home, process, lines=lines, follow=follow):
        typer.echo(line)


@contextmanager
def _extra_installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise FailedPrecondition(
            f"the local stack needs more packages ({error.name} is missing): pip install 'synthoscope[local]'"
        ) from error


def _pinned(words: list[str]) -> dict[str, int]:
    pinned = {}
    for word in words:
        name, _, number = word.partition("=")
        if not number.isdecimal():
            raise InvalidInput("--port", f"{word!r} must be NAME=PORT, for example training=50051")
        pinned[name] = int(number)
    return pinned


def _number(value: int) -> str:
    return str(value) if value else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
