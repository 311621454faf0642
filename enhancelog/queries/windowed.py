"""Cached statements about a window. Day bounds are part of the key."""

from collections.abc import Callable, Hashable
from typing import Any

from django.db.models import Case, Q, Value, When

from enhancelog.domain.times import DAY_MS
from enhancelog.queries.charts import Window
from enhancelog.queries.prepared import Statement, fetch


def fetch_in(window: Window, key: Hashable, write: Callable[[Window], Statement]) -> list[tuple[Any, ...]]:
    if not window.hourly:  # few different ones
        return fetch((key, window), lambda: write(window))

    def opened(since_ms: int | None, until_ms: int | None, before_ms: int | None) -> Statement:
        return write(Window(since_ms, until_ms, before_ms, hourly=True))

    return fetch((key, "hourly"), opened, window.since_ms, window.until_ms, window.before_ms)


def now_or_before(now: Q) -> Case | Value:
    """1 if the condition holds, 0 otherwise."""
    return Case(When(now, then=Value(1)), default=Value(0)) if now else Value(1)


# Which rows are of the window, and of the one before: of entries if it is hourly, else of tallies by day.
def now_and_before(window: Window) -> tuple[Q, Q]:
    if window.hourly:
        return Q(ts_ms__gte=window.since_ms), Q(ts_ms__lt=window.since_ms)
    if window.since_ms is None:
        return Q(), Q(pk__in=[])
    since = window.since_ms // DAY_MS
    return Q(day__gte=since), Q(day__lt=since)
