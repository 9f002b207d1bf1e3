"""The local stack: `up` starts real servers and the services on loopback and waits for each; `down` ends them all."""

import fcntl
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from synthoscope.local import environment, journal, plan, signals, sweep
from synthoscope.local.home import home_of, make_private, runtime_folder, stack_id
from synthoscope.local.processes import PROCESSES, Process
from synthoscope.local.state import Secrets, StackState
from synthoscope.local.supervision import ALIVE, Supervisor, launch
from synthoscope.rpc.errors import FailedPrecondition, SynthoscopeError, Unavailable

READY_SECONDS = 180.0
_DRAIN_SECONDS = 90.0
_FOLDERS = ("logs", "cache", "work")
_DATA = ("seaweedfs", "valkey")
_FILES = ("secrets.json", "tokens.json", "supervisord.conf")

OnProgress = Callable[[str], None]
"""Called with a line for people whenever something became ready."""


def up(
    home: Path | None = None,
    on_progress: OnProgress = lambda line: None,
    *,
    only: Collection[str] | None = None,
    pinned: Mapping[str, int] | None = None,
    seconds: float = READY_SECONDS,
) -> StackState:
    """Starts the stack in `home` and returns when every process has answered; nothing happens when all do already.

    What is missing of a stack that is half up is started again. `only` names the processes to have instead of all;
    `pinned` gives ports by name ({"training": 50051}), the rest are chosen. With SYNTHOSCOPE_OBJECTS__* or
    SYNTHOSCOPE_REDIS__* in the environment, those servers are used instead of own ones.

    Raises Unavailable with the process, its state and the end of its log when one is not ready within `seconds`;
    FailedPrecondition when a pinned port is taken, home cannot be used, or another up or down is at work there;
    PermissionDenied when an external server refuses its credentials. A stack that did not come up is ended again, also
    on Ctrl-C, SIGTERM and SIGHUP.
    """
    home = _prepared(home_of(home))
    processes = plan.wanted(only)
    with _exclusive(home), signals.as_interrupts():
        began = time.monotonic()
        present = _present(home, processes)
        try:
            state = present or _begin(home, processes, pinned or {})
            _wait(state, on_progress, began, seconds)
        except BaseException as error:
            # What ran before this call keeps running when only its repair failed.
            if present is None or not isinstance(error, SynthoscopeError):
                with signals.put_off():
                    _end(home)
            raise
    return state


def down(home: Path | None = None, *, delete_data: bool = False) -> int:
    """Ends all that the stack has started; returns how many processes had to be ended that supervisor did not end.

    Objects, job records and the token stay for the next `up`, unless `delete_data`.
    """
    home = home_of(home)
    if not home.exists():
        return sweep.end({sweep.STACK_VARIABLE: stack_id(home)})
    with _exclusive(home):
        stragglers = _end(home)
        if delete_data:
            _delete(home)
    return stragglers


@contextmanager
def running(
    home: Path | None = None,
    on_progress: OnProgress = lambda line: None,
    *,
    only: Collection[str] | None = None,
    pinned: Mapping[str, int] | None = None,
    seconds: float = READY_SECONDS,
) -> Iterator[StackState]:
    """A stack for the length of a `with`: `up`, and `down` in all cases, SIGTERM and SIGHUP included."""
    with signals.as_interrupts():
        try:
            yield up(home, on_progress, only=only, pinned=pinned, seconds=seconds)
        finally:
            with signals.put_off():
                down(home)


def _prepared(home: Path) -> Path:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FailedPrecondition(f"the stack cannot live in {home}: {error.strerror}") from error
    for folder in _FOLDERS:
        make_private(home / folder)
    return home


@contextmanager
def _exclusive(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as lock:
        deadline = time.monotonic() + _DRAIN_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise FailedPrecondition(f"another up or down is at work in {home}") from None
                time.sleep(0.1)
        yield


def _present(home: Path, processes: Collection[Process]) -> StackState | None:
    """The stack that is up in `home` with the processes asked for, ready or not; None if it must be started anew."""
    try:
        state = StackState.load(home)
    except SynthoscopeError:
        return None
    with closing(Supervisor(state.runtime, state.supervisor_password)) as supervisor:
        alive = supervisor.alive()
    return state if alive and {process.name for process in processes} <= set(state.processes) else None


def _begin(home: Path, processes: tuple[Process, ...], pinned: Mapping[str, int]) -> StackState:
    _end(home)
    plan.check_external()
    state = plan.state_for(home, processes, pinned)
    plan.write_files(state)
    launch(state, processes, environment.of_stack(state))
    return state


def _wait(state: StackState, on_progress: OnProgress, began: float, seconds: float) -> None:
    """Starts what does not run once what it needs is ready, until all have answered."""
    waiting = {process.name: process for process in PROCESSES if process.name in state.processes}
    reasons: dict[str, str] = {}
    restarted: set[str] = set()
    with closing(Supervisor(state.runtime, state.supervisor_password)) as supervisor:
        while waiting:
            children = supervisor.children()
            for process in list(waiting.values()):
                child = children[process.name]
                if child.state in ALIVE:
                    reasons[process.name] = _reason(process, state)
                    if not reasons[process.name]:
                        del waiting[process.name]
                        on_progress(f"{process.name} is ready after {time.monotonic() - began:.1f} s")
                elif child.state == "FATAL" and process.name in restarted:
                    raise Unavailable(_failure(state, process.name, child.state, child.reason))
                elif child.state in ("STOPPED", "EXITED", "FATAL") and not waiting.keys() & set(process.after):
                    restarted.add(process.name)
                    supervisor.start(process)
            if waiting and time.monotonic() - began > seconds:
                name = next(iter(waiting))
                why = reasons.get(name) or f"waits for {', '.join(waiting[name].after)}"
                raise Unavailable(
                    _failure(state, name, children[name].state, f"not ready after {seconds:.0f} s: {why}")
                )
            if waiting:
                time.sleep(0.1)


def _reason(process: Process, state: StackState) -> str:
    try:
        process.probe(state)
    except SynthoscopeError as error:
        return error.message
    return ""


def _failure(state: StackState, name: str, phase: str, reason: str) -> str:
    log = state.home / f"logs/{name}.log"
    ending = "\n  ".join(journal.tail(log, 15)) or "(nothing)"
    return f"{name} is {phase}: {reason}\n{log} ends with\n  {ending}"


def _end(home: Path) -> int:
    """Ends whatever runs of this home's stack, whether or not its files are whole."""
    runtime = runtime_folder(home)
    with suppress(SynthoscopeError):
        secrets = Secrets.of(home)
        with closing(Supervisor(runtime, secrets.supervisor_password)) as supervisor:
            supervisor.shutdown(_DRAIN_SECONDS)
    stragglers = sweep.end({sweep.STACK_VARIABLE: stack_id(home)})
    _keep_ray_logs(runtime, home / "logs/ray-session")
    shutil.rmtree(runtime, ignore_errors=True)
    (home / "state.json").unlink(missing_ok=True)
    return stragglers


def _keep_ray_logs(runtime: Path, kept: Path) -> None:
    """Moves the logs of Ray's workers and job drivers to where they outlive the stack."""
    logs = runtime / "ray/session_latest/logs"
    if logs.is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(logs, kept, symlinks=True, ignore_dangling_symlinks=True)


def _delete(home: Path) -> None:
    # Only what the stack has made: a home may hold other things.
    for folder in (*_FOLDERS, *_DATA):
        shutil.rmtree(home / folder, ignore_errors=True)
    for file in _FILES:
        (home / file).unlink(missing_ok=True)
