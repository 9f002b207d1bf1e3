import sys

import pytest

from synthoscope.cli.app import main


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["synthoscope", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_status_without_a_stack_says_how_to_start_one(monkeypatch, capsys, tmp_path):
    code, out, err = run(monkeypatch, capsys, "status", "--home", str(tmp_path))
    assert (code, out) == (1, "")
    assert "start it with `synthoscope up`" in err
    assert "Traceback" not in err


def test_down_without_a_stack_is_no_error(monkeypatch, capsys, tmp_path):
    assert run(monkeypatch, capsys, "down", "--home", str(tmp_path))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up", "--port", "training"], "must be NAME=PORT"),
        (["up", "--port", "nobody=20000"], "nothing is called 'nobody'"),
        (["logs", "nobody"], "no process is called 'nobody'"),
    ],
)
def test_wrong_arguments_are_one_line(monkeypatch, capsys, tmp_path, arguments, message):
    code, _, err = run(monkeypatch, capsys, *arguments, "--home", str(tmp_path))
    assert code == 1
    assert message in err
    assert "Traceback" not in err


def test_logs_prints_the_last_lines(monkeypatch, capsys, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/ray.log").write_text("1\n2\n3\n")
    code, out, _ = run(monkeypatch, capsys, "logs", "ray", "--lines", "2", "--home", str(tmp_path))
    assert (code, out) == (0, "2\n3\n")
