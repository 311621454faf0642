"""What was denied in a window, where, and how it compares with the window before.

A fixed number of statements, whatever the number of rows. Whole days come from the tallies; an hourly window is counted
from its index range. A denial counts where its run was rejected, so that every number is that of a list of rejections.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

import msgspec
from django.db.models import Aggregate, Case, Count, F, Max, Q, QuerySet, Sum, Value, When
from django.db.models import Window as Over
from django.db.models.functions import RowNumber

from enhancelog.models import AxisTally, BlueprintSummary, Denial, Entry, StatusTally
from enhancelog.queries.charts import Bar, Scale, Window, scale
from enhancelog.queries.counts import in_days
from enhancelog.queries.selection import PLAUSIBLE
from enhancelog.records import Verdict
from enhancelog.times import DAY_MS

MOST = 10
"""Rows of a panel; what is left out is said."""


class Totals(NamedTuple):
    applied: int = 0
    rejected: int = 0

    @property
    def runs(self) -> int:
        return self.applied + self.rejected


class Place(NamedTuple):
    """A Blueprint and how many rejections one axis caused there, or an axis and how many it caused in a Blueprint."""

    name: str
    rejected: int


class Latest(NamedTuple):
    """The newest denial of an axis: its reason, its entry and that one's times (epoch ms)."""

    issue_id: str
    reason: str
    ts_ms: int
    recorded_ms: int


@dataclass(frozen=True)
class AxisRow:
    """``bars`` holds one number a bar. ``before``: rejections in the window before."""

    axis: str
    rejected: int
    before: int
    bars: Sequence[int]
    mostly_in: Place | None = None
    latest: Latest | None = None


@dataclass(frozen=True)
class BlueprintRow:
    blueprint_id: str
    totals: Totals
    top_axis: Place | None = None


@dataclass(frozen=True)
class Overview:
    """``without_time``: runs without a plausible time, in the totals of a window without bounds, in no bar."""

    window: Window
    now: Totals
    before: Totals
    bars: Sequence[tuple[Bar, Totals]]
    axes: Sequence[AxisRow]
    more_axes: int
    blueprints: Sequence[BlueprintRow]
    more_blueprints: int
    without_time: int


@dataclass(frozen=True)
class _Source:
    """Rows to add up, and how: runs have ``blueprint_id`` and ``status``, denials ``blueprint_id`` and ``name``."""

    runs: QuerySet[Any]
    run_count: Aggregate
    denials: QuerySet[Any]
    denial_count: Aggregate
    now: Q = field(default_factory=Q)

    def runs_now(self) -> QuerySet[Any]:
        return self.runs.filter(self.now)

    def denials_now(self) -> QuerySet[Any]:
        return self.denials.filter(self.now)


def newest_ms() -> int | None:
    """The newest plausible time (epoch ms)."""
    newest: int | None = BlueprintSummary.objects.aggregate(newest=Max("newest_ts_ms"))["newest"]
    return newest


def is_empty() -> bool:
    """Whether nothing was ever logged."""
    return not BlueprintSummary.objects.exists()


def any_runs(window: Window) -> bool:
    """Whether a run falls into a window of whole days."""
    return in_days(StatusTally.objects.all(), window.since_ms, window.until_ms).exists()


def overview(window: Window) -> Overview:
    source = _from_index(window) if window.hourly else _from_tallies(window)
    totals, by_slot = _runs(source)
    bars = scale(window, (slot for slot in by_slot if slot is not None))
    counted = [Totals() for _ in range(bars.length)]
    for slot, here in by_slot.items():
        if slot is not None:
            at = bars.index(slot)
            counted[at] = Totals(counted[at].applied + here.applied, counted[at].rejected + here.rejected)
    places = _places(source)
    mostly_in = {axis: Place(blueprint_id, number) for axis, blueprint_id, number in reversed(places)}
    top_axes = {blueprint_id: Place(axis, number) for axis, blueprint_id, number in reversed(places)}
    axes, more_axes = _axes(source, bars, mostly_in)
    blueprints, more_blueprints = _blueprints(source, top_axes)
    return Overview(
        window=window,
        now=totals[True],
        before=totals[False],
        bars=list(zip(bars.bars(), counted, strict=True)),
        axes=axes,
        more_axes=more_axes,
        blueprints=blueprints,
        more_blueprints=more_blueprints,
        without_time=by_slot.get(None, Totals()).runs,
    )


def _from_tallies(window: Window) -> _Source:
    start = window.since_ms if window.before_ms is None else window.before_ms
    now = Q() if window.since_ms is None else Q(day__gte=window.since_ms // DAY_MS)
    return _Source(
        runs=in_days(StatusTally.objects.all(), start, window.until_ms).annotate(slot=F("day")),
        run_count=Sum("runs"),
        denials=in_days(AxisTally.objects.all(), start, window.until_ms).annotate(slot=F("day"), name=F("axis")),
        denial_count=Sum("rejected"),
        now=now,
    )


def _from_index(window: Window) -> _Source:
    start = window.since_ms if window.before_ms is None else window.before_ms
    entries = Entry.objects.filter(PLAUSIBLE, ts_ms__gte=start, ts_ms__lt=window.until_ms)
    entries = entries.annotate(slot=F("ts_ms") / Value(window.slot_ms))
    return _Source(
        runs=entries,
        run_count=Count("position"),
        denials=entries.filter(status="rejected", denials__rejected=True).annotate(name=F("denials__axis")),
        denial_count=Count("position"),
        now=Q(ts_ms__gte=window.since_ms),
    )


def _is_now(source: _Source) -> Case | Value:
    return Case(When(source.now, then=Value(1)), default=Value(0)) if source.now else Value(1)


def _runs(source: _Source) -> tuple[Mapping[bool, Totals], Mapping[int | None, Totals]]:
    """Totals now and before, and now by slot; the slot ``None`` holds the runs without a plausible time."""
    totals: defaultdict[bool, Totals] = defaultdict(Totals)
    by_slot: defaultdict[int | None, Totals] = defaultdict(Totals)
    rows = source.runs.order_by().annotate(now=_is_now(source)).values("now", "slot", "status")
    rows = rows.annotate(n=source.run_count)
    for now, slot, status, number in rows.values_list("now", "slot", "status", "n"):
        some = Totals(**{status: number})
        totals[bool(now)] = _plus(totals[bool(now)], some)
        if now:
            by_slot[slot] = _plus(by_slot[slot], some)
    return totals, by_slot


def _plus(one: Totals, other: Totals) -> Totals:
    return Totals(one.applied + other.applied, one.rejected + other.rejected)


def _axes(source: _Source, bars: Scale, mostly_in: Mapping[str, Place]) -> tuple[list[AxisRow], int]:
    """The axes with most rejections, and how many axes are left out."""
    now: defaultdict[str, Counter[int | None]] = defaultdict(Counter)
    before: Counter[str] = Counter()
    rows = source.denials.order_by().annotate(now=_is_now(source)).values("now", "slot", "name")
    rows = rows.annotate(n=source.denial_count)
    for is_now, slot, axis, number in rows.values_list("now", "slot", "name", "n"):
        if is_now:
            now[axis][slot] += number
        else:
            before[axis] += number
    names = sorted(now.keys() | before.keys(), key=lambda axis: (-now[axis].total(), -before[axis], axis))
    shown = names[:MOST]
    latest = _latest(bars.window, {axis: max(_denied(now[axis]), default=None) for axis in shown})
    found = [
        AxisRow(
            axis=axis,
            rejected=now[axis].total(),
            before=before[axis],
            bars=_in_bars(now[axis], bars),
            mostly_in=mostly_in.get(axis),
            latest=latest.get(axis),
        )
        for axis in shown
    ]
    return found, len(names) - len(shown)


def _denied(slots: Mapping[int | None, int]) -> list[int]:
    return [slot for slot, number in slots.items() if slot is not None and number]


def _in_bars(slots: Mapping[int | None, int], bars: Scale) -> list[int]:
    numbers = [0] * bars.length
    for slot in _denied(slots):
        numbers[bars.index(slot)] += slots[slot]
    return numbers


def _places(source: _Source) -> list[tuple[str, str, int]]:
    """Axis, Blueprint and how many rejections the one caused in the other, most first."""
    sums = source.denials_now().order_by().values("name", "blueprint_id").annotate(n=source.denial_count)
    rows = sums.filter(n__gt=0).values_list("name", "blueprint_id", "n")
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def _latest(window: Window, slots: Mapping[str, int | None]) -> dict[str, Latest]:
    """The newest denial of each axis, looked for in the last slot that has one."""
    spans = [_span(window, axis, slot) for axis, slot in slots.items() if slot is not None]
    if not spans:
        spans = [Q(pk__in=[])]
    newest = Over(RowNumber(), partition_by=F("axis"), order_by=[F("ts_ms").desc(), F("entry_id").desc()])
    denials = Denial.objects.filter(reduce(or_, spans), rejected=True, ts_ms__lte=F("entry__recorded_ms") + DAY_MS)
    rows = denials.annotate(newest=newest).filter(newest=1)
    columns = ("axis", "entry__issue_id", "entry__verdicts", "ts_ms", "entry__recorded_ms")
    return {
        axis: Latest(issue_id, _reason(verdicts, axis), ts_ms, recorded_ms)
        for axis, issue_id, verdicts, ts_ms, recorded_ms in rows.values_list(*columns)
    }


def _span(window: Window, axis: str, slot: int) -> Q:
    since, until = slot * window.slot_ms, (slot + 1) * window.slot_ms
    if window.since_ms is not None:
        since = max(since, window.since_ms)
    if window.until_ms is not None:
        until = min(until, window.until_ms)
    return Q(axis=axis, ts_ms__gte=since, ts_ms__lt=until)


def _reason(verdicts: str, axis: str) -> str:
    said: Iterable[Verdict] = _verdicts.decode(verdicts)
    return next((verdict.detail for verdict in said if (verdict.axis, verdict.status) == (axis, "deny")), "")


def _blueprints(source: _Source, top_axes: Mapping[str, Place]) -> tuple[list[BlueprintRow], int]:
    """The Blueprints in most trouble, and how many are left out."""
    totals: defaultdict[str, Totals] = defaultdict(Totals)
    rows = source.runs_now().order_by().values("blueprint_id", "status").annotate(n=source.run_count)
    for blueprint_id, status, number in rows.values_list("blueprint_id", "status", "n"):
        totals[blueprint_id] = _plus(totals[blueprint_id], Totals(**{status: number}))
    shown = sorted(totals, key=lambda blueprint_id: (-_trouble(totals[blueprint_id]), blueprint_id))[:MOST]
    return [BlueprintRow(each, totals[each], top_axes.get(each)) for each in shown], len(totals) - len(shown)


def _trouble(totals: Totals) -> float:
    """The deny rate that is at least likely (Wilson's lower bound, 95 %): one run of one says little."""
    if not totals.runs:
        return 0.0
    z, n = 1.96, totals.runs
    rate = totals.rejected / n
    spread = z * math.sqrt((rate * (1 - rate) + z * z / (4 * n)) / n)
    return (rate + z * z / (2 * n) - spread) / (1 + z * z / n)


_verdicts = msgspec.json.Decoder(tuple[Verdict, ...])
