"""Unfinished runs grouped by cause, Blueprint, source and day."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.domain.causes import CAUSES
from enhancelog.domain.times import DAY_MS, day_of, is_plausible
from enhancelog.queries.unfinished import Counted, begun_ms

SHOWN_GROUPS: Final = 20


class Group(NamedTuple):
    """``first`` and ``last``: the earliest and the latest run. ``url``: the list of these runs."""

    key: str | None
    runs: int
    first: Counted
    last: Counted
    url: str


class Day(NamedTuple):
    """``day``: days since the epoch; ``None``: not known, or the run's neighbors have different days."""

    day: int | None
    runs: int

    @property
    def label(self) -> str:
        if self.day is None:
            return "day not known"
        date = datetime.fromtimestamp(self.day * DAY_MS // 1000, UTC)
        return f"{date:%a} {date.day} {date:%b %Y}"


def by_cause(found: Sequence[Counted], url: Callable[..., str]) -> list[Group]:
    groups = _grouped(found, lambda run: run.cause, url, "cause")
    return sorted(groups, key=lambda group: (-group.runs, [*CAUSES, None].index(group.key)))


def by_name(found: Sequence[Counted], name: str, url: Callable[..., str]) -> list[Group]:
    """The most frequent first. ``name``: ``blueprint_id`` or ``source``."""
    groups = _grouped(found, lambda run: str(getattr(run, name)), url, name)
    return sorted(groups, key=lambda group: (-group.runs, str(group.key)))


def by_day(found: Iterable[Counted]) -> list[Day]:
    """The newest day first, those without a known day last."""
    counts = Counter(_day(run) for run in found)
    known = sorted((day for day in counts if day is not None), reverse=True)
    return [Day(day, counts[day]) for day in [*known, *([None] if None in counts else [])]]


def _grouped(
    found: Iterable[Counted], key: Callable[[Counted], str | None], url: Callable[..., str], name: str
) -> list[Group]:
    runs: dict[str | None, list[Counted]] = {}
    for run in found:
        runs.setdefault(key(run), []).append(run)
    return [
        Group(
            value,
            len(group),
            min(group, key=begun_ms),
            max(group, key=begun_ms),
            url(**{name: value}) if value is not None else url(status="pending"),
        )
        for value, group in runs.items()
    ]


def _day(run: Counted) -> int | None:
    bounds = (run.ts_ms, run.ts_ms) if run.ts_ms is not None else (run.not_before_ms, run.not_after_ms)
    days = {day_of(ts_ms) for ts_ms in bounds if ts_ms is not None and is_plausible(ts_ms, run.recorded_ms)}
    return days.pop() if len(days) == 1 and None not in bounds else None


def filter_url(pairs: Sequence[tuple[str, str]], **changes: str) -> str:
    """Of the list with these parameters replaced."""
    kept = [(name, value) for name, value in pairs if name not in changes]
    return links.unfinished([*kept, *changes.items()])
