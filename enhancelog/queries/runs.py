"""Runs in a window by outcome."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from django.db.models import Aggregate, Count, F, Q, QuerySet, Sum, Value

from enhancelog.domain.intervals import Interval, wilson
from enhancelog.models import BlueprintSummary, Entry, StatusTally
from enhancelog.queries import tallies
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Scale, Window
from enhancelog.queries.counts import in_days
from enhancelog.queries.prepared import Statement, run, written
from enhancelog.queries.selection import PLAUSIBLE
from enhancelog.queries.windowed import fetch_in, now_and_before, now_or_before

# Whole days come from tallies, hourly windows from their index range; the number of statements is constant.
_NEWEST: Final = Statement(f"SELECT MAX(newest_ts_ms) FROM {BlueprintSummary._meta.db_table}")

_SUMMED: Final = ("blueprint_id", "a", "r")


class Totals(NamedTuple):
    applied: int = 0
    rejected: int = 0

    @property
    def runs(self) -> int:
        return self.applied + self.rejected

    @property
    def rejected_of(self) -> tuple[int, int]:
        return self.rejected, self.runs

    @property
    def rate(self) -> float:
        """0 without runs."""
        return self.rejected / self.runs if self.runs else 0.0

    @property
    def rejection_rate(self) -> Interval:
        return wilson(self.rejected, self.runs)

    def plus(self, other: "Totals") -> "Totals":
        return Totals(self.applied + other.applied, self.rejected + other.rejected)


class Compared(NamedTuple):
    """``by_slot``: of ``now``; slot ``None``: implausible time."""

    now: Totals
    before: Totals
    by_slot: Mapping[int | None, Totals]


# ``now`` and ``before``: which rows are of the window, and of the one before.
class _Rows(NamedTuple):
    rows: QuerySet[Any]
    number: Callable[..., Aggregate]
    now: Q
    before: Q


def newest_ms() -> int | None:
    newest: int | None = run(_NEWEST)[0][0]
    return newest


def is_empty() -> bool:
    return not BlueprintSummary.objects.exists()


def any_runs(window: Window) -> bool:
    def write(window: Window) -> Statement:
        return written(in_days(tallies.of_status(EVERY), window.since_ms, window.until_ms).values("runs")[:1])

    return bool(fetch_in(window, "any runs", write))


def compared(window: Window, blueprints: Named = EVERY) -> Compared:
    numbers: dict[str, dict[int | None, int]] = {"applied": {}, "rejected": {}}
    before = {"applied": 0, "rejected": 0}
    for is_now, slot, status, number in fetch_in(window, ("runs by slot", blueprints), partial(_by_slot, blueprints)):
        if is_now:
            numbers[status][slot] = int(number)
        else:
            before[status] += int(number)
    applied, rejected = numbers["applied"], numbers["rejected"]
    by_slot = {slot: Totals(applied.get(slot, 0), rejected.get(slot, 0)) for slot in {**applied, **rejected}}
    return Compared(Totals(sum(applied.values()), sum(rejected.values())), Totals(**before), by_slot)


def before(window: Window, blueprints: Named = EVERY) -> Totals:
    """Of the window before an hourly one."""
    if window.before_ms is None:
        return Totals()
    entries = _entries(Window(window.before_ms, window.since_ms, hourly=True), blueprints)
    # Grouped by status, SQLite would follow the index by status and read the same pages twice.
    return Totals(**entries.aggregate(**{each: Count("position", filter=Q(status=each)) for each in Totals._fields}))


def in_bars(slots: Mapping[int | None, Totals], bars: Scale) -> list[Totals]:
    applied, rejected = [0] * bars.length, [0] * bars.length
    for slot, totals in slots.items():
        if slot is not None:
            at = bars.index(slot)
            applied[at] += totals.applied
            rejected[at] += totals.rejected
    return list(map(Totals, applied, rejected))


def by_blueprint_and_bar(blueprint_ids: Collection[str], bars: Scale) -> dict[str, list[Totals]]:
    """Of those that ran, for each bar. Bars are of whole days."""

    def write(window: Window) -> Statement:
        tally = in_days(StatusTally.objects.filter(blueprint_id__in=blueprint_ids), window.since_ms, window.until_ms)
        rows = tally.order_by().annotate(bar=(F("day") - Value(bars.first)) / Value(bars.width))
        return written(rows.values_list("blueprint_id", "bar", "status").annotate(Sum("runs")))

    key = ("runs by bar", tuple(blueprint_ids), bars.first, bars.width)
    found: dict[str, list[Totals]] = {}
    for blueprint_id, bar, status, number in fetch_in(bars.window, key, write):
        totals = found.setdefault(blueprint_id, [Totals()] * bars.length)
        totals[bar] = totals[bar]._replace(**{status: int(number)})
    return found


def by_blueprint(window: Window) -> dict[str, Totals]:
    if window == Window():  # all time: a row for each Blueprint and source instead of one for each day
        sums = BlueprintSummary.objects.order_by().values("blueprint_id").annotate(a=Sum("applied"), r=Sum("rejected"))
        return {name: Totals(int(applied), int(rejected)) for name, applied, rejected in sums.values_list(*_SUMMED)}
    return {name: _totals(*numbers) for name, *numbers in fetch_in(window, "runs by Blueprint", _by_blueprint)}


def compared_by_blueprint(window: Window) -> dict[str, tuple[Totals, Totals]]:
    """Of the window, and of the one before."""
    found = fetch_in(window, "compared by Blueprint", _compared_by_blueprint)
    return {name: (_totals(*numbers[:2]), _totals(*numbers[2:])) for name, *numbers in found}


def _by_slot(blueprints: Named, window: Window) -> Statement:
    source = _rows(window, blueprints)
    rows = source.rows.order_by().annotate(now=now_or_before(source.now))
    sums = rows.values("now", "slot", "status").annotate(n=source.number())
    return written(sums.values_list("now", "slot", "status", "n"))


def _compared_by_blueprint(window: Window) -> Statement:
    source = _rows(window, EVERY, by_blueprint=True)
    return _summed(source.rows, _sums(source, "now", source.now) | _sums(source, "before", source.before))


def _by_blueprint(window: Window) -> Statement:
    source = _rows(window, EVERY, by_blueprint=True)
    return _summed(source.rows.filter(source.now), _sums(source, "now", Q()))


def _summed(rows: QuerySet[Any], sums: Mapping[str, Aggregate]) -> Statement:
    return written(rows.order_by().values("blueprint_id").annotate(**sums).values_list("blueprint_id", *sums))


# A column for each status: grouped by it, too, all rows would have to be sorted.
def _sums(source: _Rows, name: str, which: Q) -> dict[str, Aggregate]:
    return {f"{name}_{status}": source.number(filter=which & Q(status=status)) for status in Totals._fields}


def _totals(applied: int | None, rejected: int | None) -> Totals:
    return Totals(int(applied or 0), int(rejected or 0))


def _rows(window: Window, blueprints: Named, *, by_blueprint: bool = False) -> _Rows:
    now, before = now_and_before(window)
    if window.hourly:
        entries = _entries(window, blueprints).annotate(slot=F("ts_ms") / Value(window.slot_ms))
        return _Rows(entries, partial(Count, "position"), now, before)
    tally = in_days(tallies.of_status(blueprints, by_blueprint=by_blueprint), window.start_ms, window.until_ms)
    return _Rows(tally.annotate(slot=F("day")), partial(Sum, "runs"), now, before)


def _entries(window: Window, blueprints: Named) -> QuerySet[Any]:
    entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=window.start_ms, ts_ms__lt=window.until_ms)
    return entries.filter(blueprints.condition)
