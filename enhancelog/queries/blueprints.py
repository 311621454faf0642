"""Blueprints with totals over all sources: of all runs, of a window and the one before, and by week."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final, NamedTuple

from django.db.models import Max, Sum

from enhancelog.domain.filters import Order
from enhancelog.domain.intervals import Interval, difference, points
from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.models import BlueprintSummary
from enhancelog.queries.axes import AxisBars, most_denied
from enhancelog.queries.blueprint_ids import Named
from enhancelog.queries.charts import Bar, Scale, Window, weeks_before
from enhancelog.queries.judgements import judgements
from enhancelog.queries.runs import Totals, by_blueprint_and_bar, compared_by_blueprint, newest_ms

SORTS: Final = ("name", "runs", "rejected", "rate", "change", "newest")
WEEKS: Final = 12


class Blueprint(NamedTuple):
    """``newest_ms``: of all runs, epoch ms; ``None`` without a plausible time."""

    blueprint_id: str
    now: Totals
    before: Totals
    newest_ms: int | None

    @property
    def applied(self) -> int:
        return self.now.applied

    @property
    def rejected(self) -> int:
        return self.now.rejected

    @property
    def runs(self) -> int:
        return self.now.runs

    @property
    def rate(self) -> float:
        return self.now.rate

    @property
    def points(self) -> int | None:
        """Change of the rejection rate."""
        return points(*self.now.rejected_of, *self.before.rejected_of)

    @property
    def change(self) -> Interval:
        return difference(*self.now.rejected_of, *self.before.rejected_of)


class BlueprintWeeks(NamedTuple):
    """``axes``: with the most denials first."""

    bars: tuple[tuple[Bar, Totals], ...]
    total: Totals
    axes: tuple[AxisBars, ...]
    more_axes: int


def blueprints(window: Window, text: str, sort: str, order: Order) -> list[Blueprint]:
    """Those that ran in the window and whose id contains ``text``, in any case; with a final ``*``, starts with it.

    ``change`` goes by the confidence interval's nearer bound. Ties by name; those without a value come last.
    """
    is_wanted = _names(text)
    rows = [row for row in _rows(window) if row.runs and is_wanted(row.blueprint_id)]
    rows.sort(key=lambda row: row.blueprint_id)
    key = _key(sort, order)
    known = [row for row in rows if key(row) is not None]
    known.sort(key=key, reverse=order == "desc")
    return [*known, *(row for row in rows if key(row) is None)]


def weeks(blueprint_ids: Collection[str], window: Window) -> tuple[Scale, Mapping[str, Sequence[Totals]]]:
    """The last ``WEEKS`` weeks of the window, and the runs in each of those that ran in them."""
    bars = weeks_before(window.until_ms or (day_of(newest_ms() or 0) + 1) * DAY_MS, WEEKS)
    return bars, by_blueprint_and_bar(blueprint_ids, bars)


def of_one(blueprint_id: str, newest_ms: int, most: int) -> BlueprintWeeks:
    """Up to ``newest_ms``, from the first of the last ``WEEKS`` weeks with runs. ``most``: of axes."""
    bars = weeks_before(newest_ms + 1, WEEKS)
    runs = by_blueprint_and_bar((blueprint_id,), bars).get(blueprint_id, [Totals()] * WEEKS)
    first = next((place for place, week in enumerate(runs) if week.runs), 0)
    bars, runs = weeks_before(newest_ms + 1, WEEKS - first), runs[first:]
    axes, more_axes = most_denied(judgements(bars.window, Named((blueprint_id,))), bars, most)
    return BlueprintWeeks(tuple(zip(bars.bars(), runs, strict=True)), reduce(Totals.plus, runs), axes, more_axes)


def _names(text: str) -> Callable[[str], bool]:
    if text.endswith("*"):
        beginning = text[:-1].lower()
        return lambda name: name.lower().startswith(beginning)
    part = text.lower()
    return lambda name: part in name.lower()


def _key(sort: str, order: Order) -> Callable[[Blueprint], Any]:
    match sort:
        case "name":
            return lambda row: row.blueprint_id
        case "newest":
            return lambda row: row.newest_ms
        case "change":
            bound = 0 if order == "desc" else 1
            return lambda row: row.change[bound] if row.before.runs else None
    return lambda row: getattr(row, sort)


def _rows(window: Window) -> Iterable[Blueprint]:
    sums = BlueprintSummary.objects.order_by().values("blueprint_id")
    found = sums.annotate(sum_applied=Sum("applied"), sum_rejected=Sum("rejected"), newest=Max("newest_ts_ms"))
    rows = found.values_list("blueprint_id", "sum_applied", "sum_rejected", "newest")
    if window.since_ms is None:
        return [Blueprint(name, Totals(*totals), Totals(), newest) for name, *totals, newest in rows]
    compared = compared_by_blueprint(window)
    return [Blueprint(name, *compared[name], newest) for name, _, _, newest in rows if name in compared]
