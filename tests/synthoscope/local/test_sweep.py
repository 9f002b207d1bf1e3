import os
import subprocess
import sys

import psutil

from synthoscope.local import sweep

IGNORES_SIGTERM = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"


def start(marks, code=IGNORES_SIGTERM):
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **marks}, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_ends_what_carries_the_marks_even_if_it_ignores_sigterm():
    marks = {sweep.STACK_VARIABLE: "test-sweep"}
    with start(marks) as ours, start({sweep.STACK_VARIABLE: "another"}) as other:
        assert [process.pid for process in sweep.members(marks)] == [ours.pid]
        assert sweep.end(marks, seconds=0.2) == 1
        assert not psutil.pid_exists(ours.pid)
        assert other.poll() is None
        other.kill()


def test_spares_itself_and_what_is_above_it():
    marks = {sweep.STACK_VARIABLE: "test-spares"}
    code = f"from synthoscope.local import sweep; print(sweep.end({marks!r}))"
    nested = f"import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', {code!r}], text=True))"
    with start(marks, nested) as outer:
        assert outer.wait(20) == 0


def test_memory_of_a_process_that_is_gone_is_zero():
    with start({}, "print(flush=True)") as process:
        process.wait(5)
    assert sweep.tree_memory(process.pid) == 0
    assert sweep.tree_memory(psutil.Process().pid) > 1_000_000
