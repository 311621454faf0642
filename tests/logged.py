"""What the product logs, as tests look at it."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from enhancelog.observing import structured_logs


class Log:
    """Everything that is logged at the most talkative level, as JSON and as a terminal shows it."""

    def __init__(self) -> None:
        self.json = io.StringIO()
        self.terminal = io.StringIO()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.json.getvalue().splitlines()]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["logger"] == "enhancelog.request"]

    @property
    def security(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["logger"] == "enhancelog.security"]


@contextmanager
def captured() -> Iterator[Log]:
    """Everything that is logged in the block."""
    log = Log()
    handlers = []
    for stream, for_terminal in ((log.json, False), (log.terminal, True)):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(structured_logs.structured(for_terminal=for_terminal))
        handlers.append(handler)
    levels = structured_logs.config("DEBUG")
    loggers = {name: logger["level"] for name, logger in levels["loggers"].items()} | {"": levels["root"]["level"]}
    before = {name: logging.getLogger(name).level for name in loggers}
    for name, level in loggers.items():
        logging.getLogger(name).setLevel(level)
    for handler in handlers:
        logging.getLogger().addHandler(handler)
    yield log
    for handler in handlers:
        logging.getLogger().removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
