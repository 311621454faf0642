"""The tables of the matrix."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.domain.filters import CHOICES
from enhancelog.domain.intervals import FEW
from enhancelog.links import Pairs
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import Count, up_to_cap
from enhancelog.queries.judgements import Denials, Judged
from enhancelog.queries.matrix import ByBlueprint, Sort, Together, WhatCameNext
from enhancelog.queries.runs import Totals
from enhancelog.web.jinja import percent
from enhancelog.web.sorting import Column, Sorting

# Lowest rate of each shade; a lower one has ``h1``, or ``h0`` if zero.
_STEPS: Final = ((0.30, "h4"), (0.15, "h3"), (0.06, "h2"))


class Cell(NamedTuple):
    """``counts``: ``3/20``. ``shade``: ``h0`` to ``h4``, or ``few``."""

    rate: str
    counts: str
    url: str
    shade: str


NOTHING: Final = Cell("", "", "", "")


class Row(NamedTuple):
    """``cells``: for each axis, then for the row. ``NOTHING``: not judged, or the row's own axis."""

    label: str
    url: str
    cells: Sequence[Cell]


class Grid(NamedTuple):
    """``names``, ``axes`` and ``rates`` are the headings, from left to right. ``total`` sums all rows. ``rows_in_all``
    and ``axes_in_all`` also count what is not shown."""

    names: Column
    axes: Sequence[Column]
    rates: Column
    rows: Sequence[Row]
    rows_in_all: int
    axes_in_all: int
    total: Row | None = None


def by_blueprint(
    found: ByBlueprint, window: Window, sort: Sort, url: Callable[..., str], scope: Sequence[tuple[str, str]]
) -> Grid:
    """``url`` takes parameters of the page to change. ``scope``: the filter for the table's Blueprints."""
    sorting = Sorting(sort.by, sort.order, lambda **changes: url(**changes, skip=""))
    span = links.between(window.since_ms, window.until_ms)
    rows = [
        _row(
            blueprint_id or "(no name)",
            links.blueprint(blueprint_id, span),
            {axis: found.cells.get((blueprint_id, axis)) for axis in found.axes},
            totals,
            [("blueprint_id", blueprint_id), *span],
        )
        for blueprint_id, totals in found.blueprints.items()
    ]
    return Grid(
        names=sorting.column("", "name"),
        axes=[sorting.column(axis, f"axis:{axis}", "mono") for axis in found.axes],
        rates=sorting.column("", "any"),
        rows=rows,
        rows_in_all=found.blueprints_in_all,
        axes_in_all=found.axes_in_all,
        total=_row(
            "These Blueprints" if scope else "All Blueprints",
            links.runs([*scope, *span]),
            found.axes,
            found.total,
            [*scope, *span],
        ),
    )


def together(found: Together, window: Window, scope: Sequence[tuple[str, str]]) -> Grid:
    """Runs that the row's axis denied: those that the column's axis denied too, or no other axis."""
    span = [*scope, *links.between(window.since_ms, window.until_ms)]

    def row(axis: str) -> Row:
        denied, alone = found.denied[axis].rejected, found.denied[axis].alone
        cells = [
            _cell(found.both.get((axis, other), 0), denied, [("axis", axis), ("axis", other), *span], capped=True)
            if other != axis
            else NOTHING
            for other in found.columns
        ]
        no_other = _cell(alone, denied, [("only", axis), *span], capped=True)
        return Row(axis, links.rejections([("axis", axis), *span]), [*cells, no_other])

    return Grid(
        names=Column(""),
        axes=[Column(axis, style="mono") for axis in found.columns],
        rates=Column(""),
        rows=[row(axis) for axis in found.rows],
        rows_in_all=found.axes_in_all,
        axes_in_all=found.axes_in_all,
    )


def what_came_next(found: WhatCameNext, window: Window, scope: Sequence[tuple[str, str]]) -> Grid:
    """Runs that the row's axis denied, by the outcome of the next attempt at the same intent."""
    span = [*scope, *links.between(window.since_ms, window.until_ms)]

    def row(axis: str, denied: Denials) -> Row:
        cells = []
        for outcome, number in denied.outcomes.items():
            cell = _cell(number, denied.rejected, [("axis", axis), ("next", outcome), *span], capped=True)
            # A high share is bad only where the axis denied again.
            is_shaded = outcome == "same" or cell.shade == "few"
            cells.append(cell if is_shaded else cell._replace(shade="h0"))
        of_judged = _cell(denied.rejected, found.judged.get(axis, Judged()).judged, [("axis", axis), *span])
        return Row(axis, links.rejections([("axis", axis), *span]), [*cells, of_judged])

    return Grid(
        names=Column(""),
        axes=[Column(outcome) for outcome in CHOICES["next"]],
        rates=Column(""),
        rows=[row(axis, denied) for axis, denied in found.axes.items()],
        rows_in_all=found.axes_in_all,
        axes_in_all=len(CHOICES["next"]),
    )


def _row(label: str, url: str, judged: Mapping[str, Judged | None], totals: Totals, scope: Pairs) -> Row:
    cells = [
        _cell(here.rejected, here.judged, [("axis", axis), *scope]) if here else NOTHING
        for axis, here in judged.items()
    ]
    return Row(label, url, [*cells, _cell(totals.rejected, totals.runs, scope)])


def _cell(part: int, whole: int, pairs: Pairs, *, capped: bool = False) -> Cell:
    # No tally covers the list that a ``capped`` cell leads to, so that list counts up to ``CAP`` only.
    count = up_to_cap(part) if capped else Count(part)
    return Cell(percent(part, whole), f"{count}/{whole:,}", links.rejections(pairs), _shade(part, whole))


def _shade(part: int, whole: int) -> str:
    if whole < FEW:
        return "few"
    if not part:
        return "h0"
    return next((shade for rate, shade in _STEPS if part >= rate * whole), "h1")
