import json
import logging

import pytest
import structlog

from synthoscope.rpc.errors import NotFound
from synthoscope.rpc.logging import configure, describe, summarise

PATIENT = "Jane Doe"


@pytest.fixture
def log(capsys):
    """Gives the lines written to stderr, parsed."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail():
    try:
        raise KeyError(PATIENT)
    except KeyError as error:
        raise NotFound("tenants/default/jobs/1 does not exist") from error


def test_both_ways_of_logging_are_json(log):
    configure("training")
    structlog.get_logger().info("started", port=1)
    logging.getLogger("library").warning("slow by %d s", 3)
    ours, theirs = log()
    assert (ours["event"], ours["port"], ours["process"], ours["level"]) == ("started", 1, "training", "info")
    assert (theirs["event"], theirs["process"], theirs["level"]) == ("slow by 3 s", "training", "warning")
    assert ours["time"].endswith("Z")


def test_bound_context_is_shown(log):
    configure("training")
    with structlog.contextvars.bound_contextvars(call="7"):
        structlog.get_logger().info("x")
    assert log()[0]["call"] == "7"


@pytest.mark.parametrize("logger", [structlog.get_logger(), logging.getLogger("library")])
def test_texts_of_unexpected_errors_stay_out(log, logger):
    configure("training")
    try:
        raise ValueError(PATIENT)
    except ValueError:
        logger.exception("failed")
        logger.error("failed", exc_info=True)
    entries = [entry for entry in log() if entry["event"] == "failed"]  # not those of other tests' servers
    assert len(entries) == 2
    for entry in entries:
        assert "ValueError (text withheld)" in entry["exception"]
        assert "test_logging.py" in entry["exception"]
        assert PATIENT not in json.dumps(entry)


def test_texts_on_demand(log):
    configure("training", error_text=True)
    try:
        fail()
    except NotFound:
        structlog.get_logger().exception("failed")
    assert "KeyError: 'Jane Doe'" in log()[0]["exception"]


def test_our_own_errors_show_their_text():
    with pytest.raises(NotFound) as caught:
        fail()
    text = describe(caught.value)
    assert "NotFound: tenants/default/jobs/1 does not exist" in text
    assert "KeyError (text withheld)" in text
    assert summarise(ValueError("Jane Doe")) == "ValueError (text withheld)"
