"""Periods as pages show them; ``domain.periods.span_of`` says what one is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from django.core.exceptions import BadRequest
from django.http import HttpRequest

from enhancelog.domain.errors import Invalid
from enhancelog.domain.periods import PERIODS, span_of
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.queries import runs
from enhancelog.queries.charts import MOST_HOURS, Bar, Window

DEFAULT: Final = "7d"
LABELS: Final = {name: "All" if name == "all" else f"{name[:-1]} {name[-1]}" for name in PERIODS}
PARAMETERS: Final = frozenset(("since", "until", "period", "not_since", "not_until", "not_period"))  # of a time
WEEK_MS: Final = 7 * DAY_MS

_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = time()
_DAYS: Final = ("today", "yesterday")
_UNITS: Final = {"m": "minute", "h": "hour", "d": "day", "w": "week"}


@dataclass(frozen=True)
class Period:
    """``at_newest``: ends at the newest entry, because the default period is empty."""

    name: str
    window: Window
    at_newest: bool = False

    @property
    def length(self) -> str:
        """``24 hours``; empty if unbounded."""
        if self.window.since_ms is None:
            return ""
        number, unit = (1, "day") if self.name in _DAYS else (int(self.name[:-1]), _UNITS[self.name[-1]])
        return unit if number == 1 else f"{number} {unit}s"

    @property
    def span(self) -> str:
        return span_in_words(self.window.since_ms, self.window.until_ms)


def period(name: str, end_ms: int, *, at_newest: bool = False) -> Period:
    """``end_ms``: in the last day, or where hours and minutes end. Raises ``Invalid``."""
    since_ms, until_ms = span_of(name, end_ms)
    if since_ms is None or until_ms is None:
        return Period(name, Window())
    hourly = name[-1] in "hm"
    if hourly and until_ms - since_ms > MOST_HOURS * HOUR_MS:
        raise Invalid("period", "range", f"is at most {MOST_HOURS}h on this page; use days, as in 4d")
    return Period(name, Window(since_ms, until_ms, 2 * since_ms - until_ms, hourly), at_newest)


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


def choices(url: Callable[[str], str]) -> list[tuple[str, str, str]]:
    """Name, label and URL of each. ``url`` takes the name."""
    return [(name, label, url(name)) for name, label in LABELS.items()]


def span_in_words(since_ms: int | None, until_ms: int | None) -> str:
    """``12 – 18 Nov 2026 (whole days, UTC)``, ``from 17 Nov 2026, 11:06 (UTC)``; empty if unbounded or beyond dates."""
    try:
        since, until = (None if ms is None else _moment(ms) for ms in (since_ms, until_ms))
        if since is None or until is None:
            return _half_in_words("from", since) or _half_in_words("before", until)
        if (until - since) % _DAY or since.time() != _MIDNIGHT:
            return f"{_instant(since)} – {_instant(until)} (UTC)"
        return f"{_days(since, until - _DAY)} (whole days, UTC)"
    except (OverflowError, ValueError):  # as of ``since=-9223372036854775808``
        return ""


def _half_in_words(which: str, moment: datetime | None) -> str:
    return f"{which} {_instant(moment)} (UTC)" if moment else ""


@lru_cache(maxsize=1024)
def short_label(bar: Bar, few: bool) -> str:
    """``09:00``, ``Sat 14`` or ``14 Nov``; of more than a week, ``14 Nov 2026``."""
    since = _moment(bar.since_ms)
    if bar.until_ms - bar.since_ms <= HOUR_MS:
        return f"{since:%H}:00"
    if bar.until_ms - bar.since_ms > WEEK_MS:
        return f"{_day(since)} {since.year}"
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


def _instant(moment: datetime) -> str:
    return f"{_day(moment)} {moment.year}, {moment:%H:%M}"


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
