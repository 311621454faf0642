"""Which patterns deny most in a window, against the window before, where and since when.

Four statements, whatever the number of patterns. Whole days come from the tallies; an hourly window is counted from its
index range. A denial counts where its run was rejected, so that every number is that of a list of rejections;
``denied`` counts the others too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db.models import Aggregate, Case, Count, F, Q, QuerySet, Sum, Value, When

from enhancelog.models import Entry, TemplateTally
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import in_days
from enhancelog.queries.pattern_ids import SERVED
from enhancelog.queries.patterns.served import patterns
from enhancelog.queries.selection import PLAUSIBLE
from enhancelog.times import DAY_MS, day_of

SPARK_DAYS: Final = 21
"""Days of a sparkline, the last one included."""


class Place(NamedTuple):
    """A Blueprint, and how many rejections a pattern caused there."""

    name: str
    rejected: int


class Numbers(NamedTuple):
    """``rejected`` and ``denied`` in the window; ``before``: rejected in the window before."""

    rejected: int = 0
    denied: int = 0
    before: int = 0


@dataclass(frozen=True)
class PatternRow:
    """``places``: most rejections first. ``days``: rejections of each of the last ``SPARK_DAYS`` days.

    ``first_ms`` and ``last_ms``: of all its denials, epoch ms; ``None`` without a plausible time.
    """

    id: str
    axis: str
    template: str
    numbers: Numbers
    places: Sequence[Place]
    days: Sequence[int]
    first_ms: int | None
    last_ms: int | None
    is_new: bool


class Ranking(NamedTuple):
    """``left_out``: patterns with rejections in either window that have no row."""

    rows: Sequence[PatternRow]
    left_out: int


def ranked(window: Window, spark_until_ms: int, most: int) -> Ranking:
    """The ``most`` patterns that caused most rejections; the sparklines end with the day before ``spark_until_ms``."""
    counted = numbers(window)
    found = [pattern for pattern, here in counted.items() if here.rejected or here.before]
    order = sorted(found, key=lambda pattern: (-counted[pattern].rejected, -counted[pattern].before, pattern))
    rows = described(order[:most], counted, window, spark_until_ms)
    return Ranking(rows, len(order) - len(rows))


def numbers(window: Window) -> dict[int, Numbers]:
    """Pattern, by the id of its row, to its numbers."""
    source = _from_index(window) if window.hourly else _from_tallies(window)
    rows = source.rows.values("pattern", "now").annotate(r=source.rejected, d=source.denied)
    found: defaultdict[int, Numbers] = defaultdict(Numbers)
    for pattern, is_now, rejected, denied in rows.values_list("pattern", "now", "r", "d"):
        here = found[pattern]
        found[pattern] = here._replace(rejected=rejected, denied=denied) if is_now else here._replace(before=rejected)
    return found


def described(
    order: Sequence[int], counted: Mapping[int, Numbers], window: Window, spark_until_ms: int
) -> list[PatternRow]:
    """These patterns in this order."""
    places = _places(window, order)
    last_day = day_of(spark_until_ms - 1)
    days = _days(order, last_day)
    leaders = {leader.pk: leader for leader in patterns().filter(pk__in=order)}
    return [
        PatternRow(
            id=leader.key,
            axis=leader.axis,
            template=leader.wording,
            numbers=counted[pattern],
            places=places[pattern],
            days=[days[pattern, day] for day in range(last_day - SPARK_DAYS + 1, last_day + 1)],
            first_ms=leader.first_ms,
            last_ms=leader.last_ms,
            is_new=is_new(leader.first_ms, window),
        )
        for pattern in order
        if (leader := leaders.get(pattern))
    ]


def is_new(first_ms: int | None, window: Window) -> bool:
    """Whether the window holds the first denial of all; without a beginning nothing is new."""
    return window.since_ms is not None and first_ms is not None and first_ms >= window.since_ms


class _Source(NamedTuple):
    """Rows with ``pattern`` and ``now``, and what adds them up."""

    rows: QuerySet[Any]
    rejected: Aggregate
    denied: Aggregate


def _from_tallies(window: Window) -> _Source:
    start = window.since_ms if window.before_ms is None else window.before_ms
    rows = in_days(TemplateTally.objects.filter(template__rules=SERVED), start, window.until_ms)
    now = Q() if window.since_ms is None else Q(day__gte=window.since_ms // DAY_MS)
    rows = rows.order_by().annotate(pattern=F("template__pattern_id"), now=_as_number(now))
    return _Source(rows, Sum("rejected"), Sum("denied"))


def _from_index(window: Window) -> _Source:
    start = window.since_ms if window.before_ms is None else window.before_ms
    rows = Entry.objects.filter(
        PLAUSIBLE, ts_ms__gte=start, ts_ms__lt=window.until_ms, patterns__template__rules=SERVED
    )
    now = Q(ts_ms__gte=window.since_ms)
    rows = rows.order_by().annotate(pattern=F("patterns__pattern_id"), now=_as_number(now))
    return _Source(rows, Count("position", filter=Q(patterns__rejected=True)), Count("position"))


def _as_number(now: Q) -> Case | Value:
    return Case(When(now, then=Value(1)), default=Value(0)) if now else Value(1)


def _places(window: Window, order: Iterable[int]) -> Mapping[int, list[Place]]:
    here = Window(window.since_ms, window.until_ms, None, window.hourly)
    source = _from_index(here) if window.hourly else _from_tallies(here)
    rows = source.rows.filter(pattern__in=order).values("pattern", "blueprint_id").annotate(n=source.rejected)
    found: defaultdict[int, list[Place]] = defaultdict(list)
    for pattern, blueprint_id, number in rows.filter(n__gt=0).values_list("pattern", "blueprint_id", "n"):
        found[pattern].append(Place(blueprint_id, number))
    for places in found.values():
        places.sort(key=lambda place: (-place.rejected, place.name))
    return found


def _days(order: Iterable[int], last_day: int) -> Counter[tuple[int, int]]:
    """(pattern, day) to rejections."""
    rows: QuerySet[Any] = TemplateTally.objects.filter(
        day__gt=last_day - SPARK_DAYS, day__lte=last_day, template__rules=SERVED
    )
    rows = rows.order_by().filter(template__pattern_id__in=order).values("template__pattern_id", "day")
    sums = rows.annotate(n=Sum("rejected")).values_list("template__pattern_id", "day", "n")
    return Counter({(pattern, day): number for pattern, day, number in sums})
