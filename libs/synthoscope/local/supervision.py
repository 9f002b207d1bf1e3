"""Supervisor, the process manager of the local stack: its configuration, its start, and talking to it."""

import http.client
import re
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from synthoscope.local.home import write_private
from synthoscope.local.processes import Process
from synthoscope.local.state import StackState
from synthoscope.rpc.errors import FailedPrecondition, Unavailable

_USER = "synthoscope"
_ALREADY_STARTED = 60
_CALL_SECONDS = 15.0
_LOG_BYTES = "10MB"

ALIVE = frozenset({"STARTING", "RUNNING"})


@dataclass(frozen=True)
class Child:
    """What supervisor knows of a process. state: STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED or FATAL.

    uptime in seconds; pid is 0 when it does not run; reason is supervisor's own words on why not.
    """

    name: str
    state: str
    pid: int
    uptime: float
    reason: str


class Supervisor:
    """The supervisor of one stack, by XML-RPC over its unix socket. Every call raises Unavailable when it is away."""

    def __init__(self, runtime: Path, password: str) -> None:
        self._transport = _Transport(runtime / "supervisor.sock", password)
        self._server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=self._transport, allow_none=True)
        self._pidfile = runtime / "supervisord.pid"

    def alive(self) -> bool:
        """Whether it answers."""
        try:
            self._call("getState")
        except Unavailable:
            return False
        return True

    def pid(self) -> int | None:
        """Its process id, None when it has not written one."""
        try:
            return int(self._pidfile.read_text())
        except (OSError, ValueError):
            return None

    def children(self) -> dict[str, Child]:
        """All processes by name."""
        return {info["name"]: _child(info) for info in self._call("getAllProcessInfo")}

    def start(self, process: Process) -> None:
        """Starts a process without waiting for it; nothing happens when it runs."""
        try:
            self._call("startProcess", f"{process.group}:{process.name}", False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _ALREADY_STARTED:
                raise Unavailable(f"{process.name} cannot be started: {fault.faultString}") from fault

    def shutdown(self, seconds: float) -> bool:
        """Stops services, then Ray, then the stores, then itself; returns whether it was gone within `seconds`."""
        pid = self.pid()
        self._call("shutdown")
        deadline = time.monotonic() + seconds
        while pid is not None and psutil.pid_exists(pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            self._transport.close()
            raise Unavailable(f"the stack's supervisor does not answer: {error}") from error


class _Transport(SupervisorTransport):  # type: ignore[misc]
    """Supervisor's own transport with a time limit, which it lacks."""

    def __init__(self, path: Path, password: str) -> None:
        super().__init__(_USER, password, f"unix://{path}")
        self._get_connection = lambda: _UnixConnection(str(path))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_CALL_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(_CALL_SECONDS)
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


def launch(state: StackState, processes: Iterable[Process], environment: Mapping[str, str]) -> None:
    """Writes home/supervisord.conf and starts supervisord detached, with nothing else started yet.

    Raises Unavailable, with what supervisord says, when it does not start.
    """
    conf = state.home / "supervisord.conf"
    write_private(conf, configuration(state, tuple(processes)))
    started = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)],
        env=dict(environment),
        cwd=state.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if started.returncode != 0:
        raise Unavailable(f"supervisord does not start: {(started.stdout + started.stderr).strip()}")


def configuration(state: StackState, processes: tuple[Process, ...]) -> str:
    """The text of supervisord.conf. Raises FailedPrecondition when home's path cannot be written there."""
    if re.search(r"[%\x00-\x1f]|\s[;#]", str(state.home)):
        raise FailedPrecondition(
            f"the stack cannot live in {state.home}: its path must not have %, or ; or # after a blank"
        )
    sections = [
        _section(
            "supervisord",
            logfile=state.home / "logs/supervisord.log",
            logfile_maxbytes=_LOG_BYTES,
            logfile_backups=2,
            pidfile=state.runtime / "supervisord.pid",
            childlogdir=state.home / "logs",
            identifier=f"synthoscope-{state.stack}",
        ),
        _section(
            "unix_http_server",
            file=state.runtime / "supervisor.sock",
            chmod="0700",
            username=_USER,
            password=state.supervisor_password,
        ),
        _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
    ]
    groups: dict[str, list[str]] = {}
    for process in processes:
        groups.setdefault(process.group, []).append(process.name)
        sections.append(_program(state, process))
    # Groups stop one after the other, the highest priority first.
    for priority, group in enumerate(("stores", "ray", "services"), start=1):
        if group in groups:
            sections.append(_section(f"group:{group}", programs=",".join(groups[group]), priority=priority))
    return "\n".join(sections)


def _program(state: StackState, process: Process) -> str:
    environment = {"SYNTHOSCOPE_PROCESS": process.name, **process.environment(state)}
    return _section(
        f"program:{process.name}",
        command=shlex.join(process.command(state)),
        environment=",".join(f'{name}="{value}"' for name, value in environment.items()),
        directory=state.home / "work",
        autostart="false",
        autorestart="true",
        startsecs=2,
        startretries=3,
        stopasgroup=str(process.stop_group).lower(),
        killasgroup="true",
        stopwaitsecs=process.stop_seconds,
        redirect_stderr="true",
        stdout_logfile=state.home / f"logs/{process.name}.log",
        stdout_logfile_maxbytes=_LOG_BYTES,
        stdout_logfile_backups=2,
    )


def _section(title: str, **options: object) -> str:
    lines = [f"{name} = {str(value).replace('%', '%%')}" for name, value in options.items()]
    return "\n".join([f"[{title}]", *lines, ""])


def _child(info: Mapping[str, Any]) -> Child:
    running = info["statename"] in ALIVE
    return Child(
        name=info["name"],
        state=info["statename"],
        pid=info["pid"],
        uptime=float(max(0, info["now"] - info["start"])) if running else 0.0,
        reason=info["spawnerr"] or ("" if running else info["description"]),
    )
