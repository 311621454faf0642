"""Counts of a filter's entries, from tallies where possible."""

from collections import Counter
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any, Final, NamedTuple

from django.db.models import Count as Rows
from django.db.models import F, QuerySet, Sum, Value
from django.db.models.expressions import Combinable

from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import DAY_MS
from enhancelog.models import BlueprintSummary, Entry, TemplateTally
from enhancelog.queries import tallies
from enhancelog.queries.blueprint_ids import EVERY, blueprints_of, named
from enhancelog.queries.pattern_ids import is_pattern_id, leader
from enhancelog.queries.prepared import Statement, fetch, one_number, run, written
from enhancelog.queries.reach import is_one_range, reach
from enhancelog.queries.selection import Entries, select
from enhancelog.queries.themes import of_filter as themes

CAP: Final = 10_000
MOST_SUMMED: Final = 10_000  # tallies for counts by axis or Blueprint

_TALLIED: Final = {"blueprint_id", "blueprint_prefix", "status", "axis", "pattern"}

# Epoch ms beyond which databases may not represent a day's end.
_FAR: Final = 2**62


class Count(NamedTuple):
    """``capped``: there may be more."""

    number: int
    capped: bool = False

    @property
    def is_one(self) -> bool:
        return self.number == 1 and not self.capped

    def __str__(self) -> str:
        return f"{self.number:,}+" if self.capped else f"{self.number:,}"


def up_to_cap(number: int) -> Count:
    return Count(min(number, CAP), capped=number > CAP)


class Days(NamedTuple):
    """Half-open, as days since 1970; ``None``: unbounded."""

    first: int | None = None
    end: int | None = None


def count(wanted: EntryFilter, up_to: int) -> Count:
    """Exact if tallies cover the filter, else exact up to ``CAP``, within reach."""
    if (number := themes.tallied(wanted, up_to)) is not None:
        return Count(number)
    # Tallies cover Blueprints, prefixes and whole days with either both statuses, one denied axis or one pattern.
    if not adds_up(wanted):
        parts = _parts(wanted)
        return _up_to_cap(wanted, up_to) if parts is None else _in_parts(wanted, up_to, parts)

    def write(up_to: int) -> Statement:
        # One statement, so that no append comes between the tallies and the late rows it subtracts.
        total, amount = _tallied(wanted, _days(wanted))
        counts = [one_number(total, Sum(amount)), _late_number(wanted, up_to)]
        sql = " - ".join(f"COALESCE(({count.sql}), 0)" for count in counts)
        return Statement(f"SELECT {sql}", counts[0].values + counts[1].values)

    if "pattern" in wanted.include:  # its templates are looked up, and change
        return Count(int(run(write(up_to))[0][0]))
    return Count(int(fetch(("tallied", wanted.key, wanted.since_ms, wanted.until_ms), write, up_to)[0][0]))


def _late(wanted: EntryFilter, up_to: int) -> Entries:
    # Appended after ``up_to``: mostly nothing. Without IN, SQLite would scan all matches of the filter.
    return select(wanted).filter(key_position__in=_since(up_to).values("position")).order_by()


def _late_number(wanted: EntryFilter, up_to: int) -> Statement:
    # With IN, SQLite still scans all matches of a Blueprint and bounds of time. CASE asks first whether there are any.
    since = written(_since(up_to).values("position")[:1])
    late = one_number(_late(wanted, up_to), Rows("position"))
    return Statement(f"SELECT CASE WHEN EXISTS ({since.sql}) THEN ({late.sql}) END", since.values + late.values)


def _since(up_to: int) -> Entries:
    return Entry.objects.filter(position__gt=up_to)


# ``since_ms`` to ``first_ms`` and ``last_ms`` to ``until_ms`` are parts of days, ``first`` to before ``last`` the whole
# days between. ``None``: no such part, or no bound.
class _Parts(NamedTuple):
    since_ms: int | None
    first: int | None
    first_ms: int | None
    last: int | None
    last_ms: int | None
    until_ms: int | None


def _parts(wanted: EntryFilter) -> _Parts | None:
    since, until = wanted.since_ms, wanted.until_ms
    first = None if since is None else -(-since // DAY_MS)
    last = None if until is None else until // DAY_MS
    is_empty = first is not None and last is not None and first >= last
    is_far = any(bound is not None and abs(bound) > _FAR for bound in (since, until))
    if is_empty or is_far or "pattern" in wanted.include or not _has_tally(wanted):
        return None
    return _Parts(
        since if since is not None and since % DAY_MS else None,
        first,
        None if first is None else first * DAY_MS,
        last,
        None if last is None else last * DAY_MS,
        until if until is not None and until % DAY_MS else None,
    )


def _in_parts(wanted: EntryFilter, up_to: int, parts: _Parts) -> Count:
    def write(up_to: int, *numbers: int | None) -> Statement:
        # One statement, as in ``count``.
        since_ms, first, first_ms, last, last_ms, until_ms = numbers
        total, amount = _tallied(wanted, Days(first, last))
        late = _late_number(replace(wanted, since_ms=first_ms, until_ms=last_ms), up_to)
        counts = [(" + ", one_number(total, Sum(amount))), (" - ", late)]
        for bounds in ((since_ms, first_ms), (last_ms, until_ms)):
            if None not in bounds:
                rows = select(replace(wanted, since_ms=bounds[0], until_ms=bounds[1]), up_to).order_by()
                found = written(rows.values("position")[: CAP + 1])
                counts.append((" + ", Statement(f"SELECT COUNT(*) FROM ({found.sql}) part", found.values)))
        sql = "".join([f"{sign}COALESCE(({count.sql}), 0)" for sign, count in counts])
        return Statement(f"SELECT {sql}", sum((count.values for _, count in counts), ()))

    number = int(fetch(("parts of days", wanted.key), write, up_to, *parts)[0][0])
    return up_to_cap(number)


def _up_to_cap(wanted: EntryFilter, up_to: int) -> Count:
    if not is_one_range(wanted):
        entries, end = reach(wanted, up_to, ascending=False, near=CAP + 1)
        number = entries[: CAP + 1].count()
        return Count(min(number, CAP), capped=number > CAP or end is not None)

    def write(up_to: int, since_ms: int | None, until_ms: int | None) -> Statement:
        entries = select(replace(wanted, since_ms=since_ms, until_ms=until_ms), up_to)
        found = written(entries.order_by().values("position")[: CAP + 1])
        return Statement(f"SELECT COUNT(*) FROM ({found.sql}) found", found.values)

    number = int(fetch(("capped", wanted.key), write, up_to, wanted.since_ms, wanted.until_ms)[0][0])
    return up_to_cap(number)


def tallied_by_blueprint(wanted: EntryFilter, up_to: int) -> dict[str, Count] | None:
    """``None`` if tallies do not cover the filter, or are too many."""
    if not adds_up(wanted):
        return None
    tally, amount = _tallied(wanted, _days(wanted), by_blueprint=True)
    return _summed("blueprint_id", tally, amount, _late(wanted, up_to).values_list("blueprint_id", Value(-1)))


def tallied_by_axis(wanted: EntryFilter, up_to: int) -> dict[str, Count] | None:
    """``None`` if tallies do not cover the filter, or are too many."""
    if not adds_up(wanted) or _denied(wanted) or not covers_rejections(wanted):
        return None
    tally, amount = _axes(wanted, _days(wanted))
    late = _late(wanted, up_to).filter(denials__isnull=False)
    return _summed("axis", tally, amount, late.values_list("denials__axis", Value(-1)))


def _summed(name: str, tally: QuerySet[Any], amount: Combinable, late: QuerySet[Any, Any]) -> dict[str, Count] | None:
    if tally.order_by()[: MOST_SUMMED + 1].count() > MOST_SUMMED:
        return None
    found = tally.values_list(name).annotate(n=Sum(amount)).order_by()
    sums: Counter[str] = Counter()
    for value, number in found.union(late, all=True):  # one statement, as in ``count``
        sums[value] += number
    return {value: Count(number) for value, number in sums.items() if number}


def adds_up(wanted: EntryFilter) -> bool:
    """Whether tallies cover the filter."""
    bounds = (wanted.since_ms, wanted.until_ms)
    return _has_tally(wanted) and not any(bound is not None and bound % DAY_MS for bound in bounds)


def _has_tally(wanted: EntryFilter) -> bool:
    names = set(wanted.include)
    denied = _denied(wanted)
    if wanted.exclude or not names <= _TALLIED or len(denied) > 1:
        return False
    return not denied or covers_rejections(wanted)


def covers_rejections(wanted: EntryFilter) -> bool:
    """Tallies of denials count all of them, or those of rejections."""
    return wanted.include.get("status", ()) in ((), ("rejected",))


# With ``by_blueprint``, to be grouped by it.
def _tallied(wanted: EntryFilter, days: Days, *, by_blueprint: bool = False) -> tuple[QuerySet[Any], Combinable]:
    if "axis" in wanted.include:
        tally, amount = _axes(wanted, days, by_blueprint=by_blueprint)
        return tally.filter(axis__in=records.only_ids(_denied(wanted))), amount
    if "pattern" in wanted.include:
        return _of_pattern(wanted, _denied(wanted)[0], days), _denials(wanted)
    statuses = wanted.include.get("status", ())
    if days == Days() and (by_blueprint or named(wanted) != EVERY):  # one row per Blueprint instead of one per day
        numbers = [F(status) for status in ("applied", "rejected") if not statuses or status in statuses]
        return _in_scope(BlueprintSummary.objects.all(), wanted, days), reduce(add, numbers)
    runs = _within(tallies.of_status(named(wanted), by_blueprint=by_blueprint), days)
    return (runs.filter(status__in=statuses) if statuses else runs), F("runs")


def _denied(wanted: EntryFilter) -> list[str]:
    return [*wanted.include.get("axis", ()), *wanted.include.get("pattern", ())]


def _axes(wanted: EntryFilter, days: Days, *, by_blueprint: bool = False) -> tuple[QuerySet[Any], Combinable]:
    return _within(tallies.of_axes(named(wanted), by_blueprint=by_blueprint), days), _denials(wanted)


def _of_pattern(wanted: EntryFilter, key: str, days: Days) -> QuerySet[Any]:
    if not is_pattern_id(key):
        return TemplateTally.objects.none()
    return _in_scope(TemplateTally.objects.filter(template__pattern=leader(key)), wanted, days)


def _denials(wanted: EntryFilter) -> F:
    return F("rejected" if "status" in wanted.include else "denied")


def _in_scope(tally: QuerySet[Any], wanted: EntryFilter, days: Days) -> QuerySet[Any]:
    return _within(tally.filter(blueprints_of(wanted)), days)


def in_days(tally: QuerySet[Any], since_ms: int | None, until_ms: int | None) -> QuerySet[Any]:
    return _within(tally, _whole_days(since_ms, until_ms))


def _days(wanted: EntryFilter) -> Days:
    return _whole_days(wanted.since_ms, wanted.until_ms)


def _whole_days(since_ms: int | None, until_ms: int | None) -> Days:
    return Days(*(None if bound is None else bound // DAY_MS for bound in (since_ms, until_ms)))


def _within(tally: QuerySet[Any], days: Days) -> QuerySet[Any]:
    if days.first is not None:
        tally = tally.filter(day__gte=days.first)
    if days.end is not None:
        tally = tally.filter(day__lt=days.end)
    return tally
