import threading
import time

from synthoscope.local import journal

SUPERVISOR_LOG = """\
2026-11-21 04:00:00,000 INFO supervisord started with pid 1
2026-11-21 04:00:00,100 INFO spawned: 'ray' with pid 2
2026-11-21 04:00:09,000 WARN exited: ray (exit status 1; not expected)
2026-11-21 05:00:00,000 INFO supervisord started with pid 11
2026-11-21 05:00:00,100 INFO spawned: 'valkey' with pid 12
2026-11-21 05:00:00,100 INFO spawned: 'explanation-worker' with pid 13
2026-11-21 05:00:09,000 WARN exited: explanation-worker (terminated by SIGKILL; not expected)
2026-11-21 05:00:10,000 INFO spawned: 'explanation-worker' with pid 14
"""


def test_history_counts_restarts_since_supervisor_started(tmp_path):
    log = tmp_path / "supervisord.log"
    log.write_text(SUPERVISOR_LOG)
    assert journal.history(log) == {
        "valkey": journal.History(0, ""),
        "explanation-worker": journal.History(1, "terminated by SIGKILL"),
    }


def test_history_of_no_log_is_empty(tmp_path):
    assert journal.history(tmp_path / "absent.log") == {}


def test_tail_gives_the_last_lines(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("1\n2\n3\n")
    assert journal.tail(log, 2) == ["2", "3"]
    assert journal.tail(tmp_path / "absent.log", 2) == []


def test_follow_gives_what_is_added_also_after_rotation(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("old\n")
    seen = []

    def read():
        for line in journal.follow(log, 1):
            seen.append(line)
            if line == "last":
                return

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: seen == ["old"])
    with log.open("a") as file:
        file.write("half ")
        file.flush()
        time.sleep(0.3)
        file.write("whole\n")
    until(lambda: seen == ["old", "half whole"])
    log.rename(tmp_path / "a.log.1")
    log.write_text("last\n")
    reader.join(5)
    assert seen == ["old", "half whole", "last"]


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
