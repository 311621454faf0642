"""Periods: whole UTC days including today, or ``24h`` to the millisecond."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from django.core.exceptions import BadRequest
from django.http import HttpRequest

from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import PERIODS, period_start
from enhancelog.domain.times import DAY_MS, day_of, now_ms
from enhancelog.queries import runs
from enhancelog.queries.charts import HOUR_MS, Bar, Window

DEFAULT: Final = "7d"
LABELS: Final = {"24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d", "all": "All"}
LENGTHS: Final = {"24h": "24 hours", "7d": "seven days", "30d": "30 days", "90d": "90 days"}


@dataclass(frozen=True)
class Period:
    """``at_newest``: ends at the newest entry, because the default period is empty."""

    name: str
    window: Window
    at_newest: bool = False

    @property
    def length(self) -> str:
        """Empty if unbounded."""
        return LENGTHS.get(self.name, "")

    @property
    def span(self) -> str:
        """Empty if unbounded."""
        since, until = self.window.since_ms, self.window.until_ms
        if since is None or until is None:
            return ""
        first = _moment(since)
        if self.window.hourly:
            last = _moment(until)
            return f"{_day(first)}, {first:%H:%M} – {_day(last)} {last.year}, {last:%H:%M}"
        return _days(first, _moment(until - 1))


def period(name: str, end_ms: int, *, at_newest: bool = False) -> Period:
    """``end_ms``: on the last day; for ``24h``, the end. Raises ``Invalid``."""
    since = period_start(name, end_ms)
    days = PERIODS[name]
    if since is None or days is None:
        return Period(name, Window())
    hourly = name == "24h"
    until = end_ms if hourly else (day_of(end_ms) + 1) * DAY_MS
    return Period(name, Window(since, until, since - days * DAY_MS, hourly), at_newest)


def asked(request: HttpRequest, newest_ms: int | None) -> Period:
    """Moves an empty default period back to ``newest_ms``. Raises ``BadRequest``."""
    now = now_ms()
    chosen = request.GET.getlist("period")
    try:
        found = period(chosen[-1] if chosen else DEFAULT, now)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    if chosen or newest_ms is None or runs.any_runs(found.window):
        return found
    return period(DEFAULT, newest_ms, at_newest=True)


@lru_cache(maxsize=1024)
def short_label(bar: Bar, few: bool) -> str:
    """``09:00``, ``Sat 14`` or ``14 Nov``."""
    since = _moment(bar.since_ms)
    if bar.until_ms - bar.since_ms <= HOUR_MS:
        return f"{since:%H}:00"
    return f"{since:%a} {since.day}" if few else _day(since)


@lru_cache(maxsize=1024)
def full_label(bar: Bar) -> str:
    """``Sat 14 Nov 2026``, ``22 Nov, 09:00 to 10:00`` or ``14 – 20 Nov 2026``."""
    since, until = _moment(bar.since_ms), _moment(bar.until_ms)
    if bar.until_ms - bar.since_ms <= HOUR_MS:
        return f"{_day(since)}, {since:%H:%M} to {until:%H:%M}"
    last = _moment(bar.until_ms - 1)
    return f"{since:%a} {_days(since, last)}" if since.date() == last.date() else _days(since, last)


def bar_width(bars: Sequence[Bar]) -> str:
    """``hour``, ``day``, ``week`` or ``4 weeks``."""
    days = max((bar.until_ms - bar.since_ms for bar in bars), default=0) // DAY_MS
    return {0: "hour", 1: "day", 7: "week"}.get(days, f"{days // 7} weeks")


def _days(first: datetime, last: datetime) -> str:
    if first.date() == last.date():
        return f"{_day(last)} {last.year}"
    if first.year != last.year:
        return f"{_day(first)} {first.year} – {_day(last)} {last.year}"
    if first.month != last.month:
        return f"{_day(first)} – {_day(last)} {last.year}"
    return f"{first.day} – {_day(last)} {last.year}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b}"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
