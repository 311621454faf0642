"""Structured log lines on standard error: JSON, or colored text on a terminal."""

import logging
import sys
import traceback
from contextvars import ContextVar
from typing import Any, Final, TextIO

import structlog
from structlog.types import EventDict, ExcInfo, Processor, WrappedLogger

# A line has event, level, logger, timestamp (UTC), request_id during a request, FIELDS passed as ``extra``, and
# exception, a plain traceback without variables. Nothing else of a record is written, so that attached objects
# (Django: the request) cannot leak. Unprintable characters (line ends, terminal codes, bidi marks) are escaped, so
# that no text can forge a line.
FIELDS: Final = (
    *("method", "route", "status", "ms", "bytes", "actor_kind", "actor_name"),
    *("user", "token", "owner", "reason", "address"),
)

# Of this thread's request; empty outside of requests.
request_id: Final[ContextVar[str]] = ContextVar("request_id", default="")

# Of the same request; lines that need it log it as ``address``.
client_address: Final[ContextVar[str]] = ContextVar("client_address", default="")


def config(level: str) -> dict[str, Any]:
    """A ``dictConfig``. ``level`` is for our loggers and Django's; others log from WARNING."""

    # Below these levels some log too much: httpx headers, Django's templates and databases whole contexts and values.
    def at_least(other: str) -> str:
        return max(level, other, key=logging.getLevelNamesMapping().__getitem__)

    levels = {
        "enhancelog": level,
        "content": level,
        "django": level,
        "django.db": at_least("INFO"),
        "django.template": at_least("INFO"),
        "django.utils.autoreload": at_least("INFO"),
        "django.request": at_least("ERROR"),  # the request log has every 4xx
        "django.security": at_least("ERROR"),
        "django.security.DisallowedHost": at_least("CRITICAL"),  # scanners guess hosts all day
        "django.server": at_least("WARNING"),
        "axes": at_least("ERROR"),  # accounts.events says the same
    }
    filters = {"django.request": ["faults"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": {"()": "enhancelog.observing.structured_logs.formatter"}},
        "filters": {"faults": {"()": "enhancelog.backends.fault_logs.WithoutTraceback"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": at_least("WARNING")},
        "loggers": {
            name: {"level": wanted, "handlers": [], "propagate": True, "filters": filters.get(name, [])}
            for name, wanted in levels.items()
        },
    }


def formatter() -> structlog.stdlib.ProcessorFormatter:
    return structured(for_terminal=sys.stderr.isatty())


def structured(*, for_terminal: bool) -> structlog.stdlib.ProcessorFormatter:
    last: Processor
    if for_terminal:  # rich tracebacks would show every variable
        last = structlog.dev.ConsoleRenderer(exception_formatter=_indented_traceback)
    else:
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(FIELDS),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_request_id,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([] if for_terminal else [structlog.processors.format_exc_info]),
            _escape_texts,
            last,
        ],
    )


def _add_request_id(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if current := request_id.get():
        event["request_id"] = current
    return event


def _escape_texts(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = _escaped(value, kept="\n" if name == "exception" else "")
    return event


def _escaped(text: str, kept: str = "") -> str:
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode() for char in text
    )


def _indented_traceback(stream: TextIO, error: ExcInfo) -> None:
    # On a terminal, the indent tells traceback lines from log lines.
    lines = "".join(traceback.format_exception(*error)).rstrip().split("\n")
    stream.write("\n".join(f"    {_escaped(line)}" for line in lines))
