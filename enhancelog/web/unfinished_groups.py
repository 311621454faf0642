"""Unfinished runs grouped by cause, Blueprint, source and day."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.domain.causes import CAUSES
from enhancelog.domain.times import DAY_MS
from enhancelog.queries.unfinished import UNKNOWN_DAY, Counted, begun_ms

SHOWN_GROUPS: Final = 20


class Group(NamedTuple):
    """``last``: the latest run. ``url``: the list of these runs."""

    key: str | None
    runs: int
    last: Counted
    url: str


class Day(NamedTuple):
    key: str
    runs: int
    url: str


def by_cause(found: Sequence[Counted], url: Callable[..., str]) -> list[Group]:
    groups = _grouped(found, lambda run: run.cause, url, "cause")
    return sorted(groups, key=lambda group: (-group.runs, [*CAUSES, None].index(group.key)))


def by_name(found: Sequence[Counted], name: str, url: Callable[..., str]) -> list[Group]:
    """The most frequent first. ``name``: ``blueprint_id`` or ``source``."""
    groups = _grouped(found, lambda run: str(getattr(run, name)), url, name)
    return sorted(groups, key=lambda group: (-group.runs, str(group.key)))


def by_day(found: Iterable[Counted], url: Callable[..., str]) -> list[Day]:
    """The newest day first, those without a known day last."""
    counts = Counter(run.day for run in found)
    days = sorted(counts, key=lambda day: -1 if day is None else day, reverse=True)
    return [_day(day, counts[day], url) for day in days]


def _day(day: int | None, runs: int, url: Callable[..., str]) -> Day:
    if day is None:
        return Day("day not known", runs, url(day=UNKNOWN_DAY))
    date = datetime.fromtimestamp(day * DAY_MS // 1000, UTC)
    return Day(f"{date:%a} {date.day} {date:%b %Y}", runs, url(day=f"{date:%Y-%m-%d}"))


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
            max(group, key=begun_ms),
            url(**{name: value}) if value is not None else url(status="pending"),
        )
        for value, group in runs.items()
    ]


def filter_url(pairs: Sequence[tuple[str, str]], **changes: str) -> str:
    """Of the list with these parameters replaced."""
    kept = [(name, value) for name, value in pairs if name not in changes]
    return links.unfinished([*kept, *changes.items()])
