"""Axes in a window: how much each judged and denied, with which others, where and when, and what came next."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal, NamedTuple

from django.db.models import Count, Max, Min

from enhancelog.domain import records
from enhancelog.models import AxisTotal, DailyAxisTally
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Bar, Scale, Window, scale
from enhancelog.queries.judgements import Denials, Judged, Judgements, in_bars, judgements
from enhancelog.queries.runs import Totals
from enhancelog.queries.runs import in_bars as runs_in_bars

MOST_TOGETHER: Final = 20  # axes that deny a run together, in figures of which could go


class Worth(NamedTuple):
    """Whether an axis could go, and why. ``other``: the axis that denied all the same runs."""

    kind: Literal["never_denied", "repeats_another", "never_alone", "denies_alone"]
    other: str = ""


class AxisRow(NamedTuple):
    """``together``: runs that it and another axis denied, by that axis."""

    axis: str
    judged: Judged
    denials: Denials
    together: Mapping[str, int]

    @property
    def worth(self) -> Worth:
        rejected = self.denials.rejected
        if not rejected:
            return Worth("never_denied")
        if self.denials.alone:
            return Worth("denies_alone")
        others = sorted(other for other, runs in self.together.items() if runs == rejected)
        return Worth("repeats_another", others[0]) if others else Worth("never_alone")


@dataclass(frozen=True)
class AxisDetail:
    """``bars``: with all runs and with what the axis judged. ``together`` and ``blueprints``: most denials first.
    ``first_day`` and ``last_day``: when it judged, in all time (days since 1970)."""

    row: AxisRow
    runs: Totals
    bars: Sequence[tuple[Bar, Totals]]
    judged: Sequence[Judged]
    together: Sequence[tuple[str, int]]
    more_together: int
    blueprints: Sequence[tuple[str, Judged]]
    more_blueprints: int
    first_day: int | None
    last_day: int | None


class AxisBars(NamedTuple):
    """``total`` includes runs outside the bars."""

    axis: str
    total: Judged
    bars: tuple[Judged, ...]


def most_denied(judged: Judgements, bars: Scale, most: int) -> tuple[tuple[AxisBars, ...], int]:
    """The axes with the most denials, and how many there are more."""
    by_axis: defaultdict[str, dict[int | None, Judged]] = defaultdict(dict)
    for (axis, place), here in judged.in_bars(bars).items():
        by_axis[axis][place] = here
    totals = {axis: reduce(Judged.plus, places.values()) for axis, places in by_axis.items()}
    names = sorted(totals, key=lambda axis: (-totals[axis].rejected, axis))
    shown = tuple(
        AxisBars(axis, totals[axis], tuple(by_axis[axis].get(place, Judged()) for place in range(bars.length)))
        for axis in names[:most]
    )
    return shown, len(names) - len(shown)


def axis_rows(window: Window, blueprints: Named = EVERY) -> list[AxisRow]:
    """Most denials first."""
    found = judgements(window, blueprints)
    denials = found.denials("axis")
    together: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for axes, runs in found.together():
        for axis in axes if len(axes) <= MOST_TOGETHER else ():
            together[axis].update({other: runs for other in axes if other != axis})
    rows = [
        AxisRow(axis, judged, denials.get((axis,), Denials()), together[axis])
        for (axis,), judged in found.sums("axis").items()
    ]
    return sorted(rows, key=lambda row: (-row.denials.rejected, -row.judged.judged, row.axis))


def never_judged(axes: Collection[str]) -> list[str]:
    """Those that judged no run of the log."""
    known = set(AxisTotal.objects.filter(axis__in=records.only_ids(axes)).values_list("axis", flat=True))
    return [axis for axis in axes if axis not in known]


def axis_detail(axis: str, window: Window, most: int, blueprints: Named = EVERY) -> AxisDetail | None:
    """``None`` if it never judged. ``most``: of Blueprints and of other axes."""
    only = records.only_ids((axis,))
    tally = DailyAxisTally.objects.filter(axis__in=only)
    days = tally.aggregate(rows=Count("pk"), first=Min("day"), last=Max("day"))
    if not days["rows"]:
        return None
    found = judgements(window, blueprints)
    runs = found.runs()
    bars = scale(window, (slot for slot in runs.by_slot if slot is not None))
    slots = {slot: here for (slot,), here in found.sums("slot", axis=only).items()}
    together: Counter[str] = Counter()
    for axes, number in found.together():
        if axis in axes:
            together.update({other: number for other in axes if other != axis})
    places = found.sums("blueprint_id", axis=only)
    by_place = sorted(places, key=lambda place: (-places[place].rejected, -places[place].judged, place))
    others = sorted(together.items(), key=lambda pair: (-pair[1], pair[0]))
    return AxisDetail(
        row=AxisRow(
            axis,
            reduce(Judged.plus, places.values(), Judged()),
            found.denials("axis", axis=only).get((axis,), Denials()),
            together,
        ),
        runs=runs.now,
        bars=list(zip(bars.bars(), runs_in_bars(runs.by_slot, bars), strict=True)),
        judged=in_bars(slots, bars),
        together=others[:most],
        more_together=max(0, len(others) - most),
        blueprints=[(place[0], places[place]) for place in by_place[:most]],
        more_blueprints=max(0, len(by_place) - most),
        first_day=days["first"],
        last_day=days["last"],
    )
