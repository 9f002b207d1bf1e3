"""What the stack does at the moment, process by process, and its logs."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from synthoscope.local import journal, sweep
from synthoscope.local.home import home_of
from synthoscope.local.processes import PROCESSES, Process
from synthoscope.local.state import StackState
from synthoscope.local.supervision import ALIVE, Child, Supervisor
from synthoscope.rpc.errors import NotFound, SynthoscopeError


@dataclass(frozen=True)
class ProcessStatus:
    """One process. state: "ready", "starting", "not answering", "restarting", "failed", "stopping" or "stopped".

    pid, port and metrics are 0 where there is none; uptime in seconds; memory in bytes, of all that it has
    started too; restarts since `up`; reason: why it is not ready, or how it ended before it was started again.
    """

    name: str
    state: str
    pid: int = 0
    uptime: float = 0.0
    port: int = 0
    metrics: int = 0
    memory: int = 0
    restarts: int = 0
    reason: str = ""


_NAMES = {"BACKOFF": "restarting", "FATAL": "failed", "STOPPING": "stopping"}
_STARTING_SECONDS = 30.0


def status(home: Path | None = None) -> list[ProcessStatus]:
    """Every process of the stack, asked now. Raises FailedPrecondition when no stack is up in `home`."""
    state = StackState.load(home_of(home))
    try:
        with closing(Supervisor(state.runtime, state.supervisor_password)) as supervisor:
            children = supervisor.children()
    except SynthoscopeError:
        reason = "the stack's supervisor is gone; `synthoscope up` starts it again"
        children = {name: Child(name, "STOPPED", 0, 0.0, reason) for name in state.processes}
    past = journal.history(state.home / "logs/supervisord.log")
    return [
        _status(state, process, children[process.name], past.get(process.name, journal.History()))
        for process in PROCESSES
        if process.name in children
    ]


def logs(home: Path | None, process: str, *, lines: int = 100, follow: bool = False) -> Iterator[str]:
    """The last lines of a process's log, oldest first; with `follow` also what is added, for ever.

    `process` is a process's name or "supervisord". Raises NotFound when there is no such process.
    """
    known = [*(one.name for one in PROCESSES), "supervisord"]
    if process not in known:
        raise NotFound(f"no process is called {process!r}; known are {', '.join(known)}")
    path = home_of(home) / f"logs/{process}.log"
    return journal.follow(path, lines) if follow else iter(journal.tail(path, lines))


def _status(state: StackState, process: Process, child: Child, past: journal.History) -> ProcessStatus:
    phase, reason = _NAMES.get(child.state, "stopped"), child.reason
    if child.state in ALIVE:
        phase, reason = _probed(state, process, child)
    log = state.home / f"logs/{process.name}.log"
    if phase in ("failed", "restarting"):
        reason = ": ".join(filter(None, [reason, *journal.tail(log, 1)]))
    return ProcessStatus(
        name=process.name,
        state=phase,
        pid=child.pid,
        uptime=child.uptime,
        port=state.ports.get(process.name, 0),
        metrics=state.ports.get(f"{process.name}.metrics", 0),
        memory=sweep.tree_memory(child.pid) if child.pid else 0,
        restarts=past.restarts,
        reason=reason or past.last_exit,
    )


def _probed(state: StackState, process: Process, child: Child) -> tuple[str, str]:
    try:
        process.probe(state)
    except SynthoscopeError as error:
        return ("starting" if child.uptime < _STARTING_SECONDS else "not answering"), error.message
    return "ready", ""
