"""Logs of a process: one JSON object a line on stderr, from structlog and the standard library alike.

The text of an exception may hold what a caller sent, patient data included. So a logged exception shows its type and
where it was raised; its text only when it is one of ours (written to be shown) or the process is told to.
"""

import contextlib
import logging
import sys
import traceback
from types import TracebackType
from typing import TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from synthoscope.rpc.errors import StartupError, SynthoscopeError

ExceptionInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(process: str, *, level: int = logging.INFO, error_text: bool = False) -> None:
    """Sends all logs to stderr as JSON with the time (UTC), level, event and process.

    `error_text`: also show the text of unexpected errors; only where no patient data can be.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _ProcessName(process),
        _ExceptionFormatter(error_text),
    ]
    # Straight to stderr, not by way of the standard library, which makes and formats a record for each line.
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(_Stderr()),  # type: ignore[arg-type]  # it writes and flushes
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)


def configure_for_tests() -> None:
    """Hands structlog's events to the standard library as text, with all of an exception's text."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            _ExceptionFormatter(with_text=True),
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Stderr:
    """Where lines go. One that cannot be written is lost: what was to be logged must not fail by it."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


class _ProcessName:
    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        event["process"] = self._process
        return event


class _ExceptionFormatter:
    def __init__(self, with_text: bool) -> None:
        self._with_text = with_text

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        info = event.pop("exc_info", None)
        error = sys.exc_info()[1] if info is True else info
        if isinstance(error, tuple):
            error = error[1]
        if isinstance(error, BaseException):
            event["exception"] = describe(error, with_text=self._with_text)
        return event


def describe(error: BaseException, *, with_text: bool = False) -> str:
    """An exception, its causes and where they were raised; texts of unexpected ones only on demand."""
    parts = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        parts.append(describe(cause, with_text=with_text))
    parts.append("".join(traceback.format_tb(error.__traceback__)))
    parts.append(summarise(error, with_text=with_text))
    return "\n".join(part for part in parts if part)


def summarise(error: BaseException, *, with_text: bool = False) -> str:
    """An exception in one line: its type, and its text when it is safe to show."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if with_text or isinstance(error, SynthoscopeError | StartupError):
        return f"{name}: {error}"
    return f"{name} (text withheld)"
