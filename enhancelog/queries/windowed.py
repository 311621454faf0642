"""Statements about a window that stay written: of whole days by their bounds, of hours with the bounds left open."""

from collections.abc import Callable, Hashable
from typing import Any

from enhancelog.queries.charts import Window
from enhancelog.queries.prepared import Statement, fetch


def fetch_in(window: Window, key: Hashable, write: Callable[[Window], Statement]) -> list[tuple[Any, ...]]:
    """All rows of the statement that ``write`` makes of the window; ``key`` is what else decides it. Rows come as the
    driver gives them."""
    if not window.hourly:  # of which there are few
        return fetch((key, window), lambda: write(window))

    def opened(since_ms: int | None, until_ms: int | None, before_ms: int | None) -> Statement:
        return write(Window(since_ms, until_ms, before_ms, hourly=True))

    return fetch((key, "hourly"), opened, window.since_ms, window.until_ms, window.before_ms)
