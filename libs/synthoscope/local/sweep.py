"""Finding and ending what a stack has started, however deep: every process of a stack carries its id."""

import os
from collections.abc import Mapping

import psutil

STACK_VARIABLE = "SYNTHOSCOPE_STACK"
PROCESS_VARIABLE = "SYNTHOSCOPE_PROCESS"


def members(marks: Mapping[str, str]) -> list[psutil.Process]:
    """The live processes whose environment carries all the marks, except this one and those above it."""
    me = psutil.Process()
    spared = {me.pid, *(parent.pid for parent in me.parents())}
    return [process for process in psutil.process_iter() if process.pid not in spared and _carries(process, marks)]


def end(marks: Mapping[str, str], seconds: float = 5.0) -> int:
    """Ends the processes that carry the marks: SIGTERM, then SIGKILL after `seconds`; returns how many there were.

    Looks again until none is left, for one that is being ended may have started another.
    """
    ended = 0
    grace = seconds
    for _ in range(5):
        found = members(marks)
        if not found:
            break
        ended += len(found)
        for process in found:
            _signal(process, kill=grace == 0)
        _, alive = psutil.wait_procs(found, timeout=grace or 2)
        for process in alive:
            _signal(process, kill=True)
        psutil.wait_procs(alive, timeout=2)
        grace = 0
    return ended


def tree_memory(pid: int) -> int:
    """Bytes of memory of a process and all below it, shared pages counted once (Linux's PSS). 0 if it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_memory(one) for one in family)


def _memory(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
        return int(getattr(found, "pss", found.rss))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _carries(process: psutil.Process, marks: Mapping[str, str]) -> bool:
    try:
        if process.uids().real != os.getuid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        environment = process.environ()
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
        return False
    return all(environment.get(name) == value for name, value in marks.items())


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
