"""The tables of the matrix as their template shows them: cells with a shade and an address, headings that sort."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.domain.filters import Order
from enhancelog.links import Pairs
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import CAP, Count
from enhancelog.queries.judgements import Judged
from enhancelog.queries.matrix import FEW, ByBlueprint, Sort, Together
from enhancelog.queries.runs import Totals

_STEPS: Final = ((0.30, "h4"), (0.15, "h3"), (0.06, "h2"))
"""The rate from which a cell has a shade; anything below that is not nothing has ``h1``."""


class Cell(NamedTuple):
    """``part`` of ``whole`` runs, as it is said, and where they are listed. ``shade``: ``h0`` to ``h4``, or ``few``."""

    part: int
    whole: int
    said: str
    url: str
    shade: str


class Heading(NamedTuple):
    """A column. ``url`` sorts by it or turns the order round; ``order`` is the current one."""

    label: str
    url: str = ""
    order: Order | None = None
    is_axis: bool = False


class Row(NamedTuple):
    """``cells``: one an axis, ``None`` where it judged nothing or is the row itself; then a rate of the row's own."""

    label: str
    url: str
    cells: Sequence[Cell | None]


class Grid(NamedTuple):
    """``total``: of all rows, shown or not. ``rows_in_all`` and ``axes_in_all`` count those left out too."""

    headings: Sequence[Heading]
    rows: Sequence[Row]
    rows_in_all: int
    axes_in_all: int
    total: Row | None = None


def usual_order(by: str) -> Order:
    """Names from A on, rates from the highest."""
    return "asc" if by == "name" else "desc"


def by_blueprint(found: ByBlueprint, window: Window, sort: Sort, url: Callable[..., str]) -> Grid:
    """``url`` makes the page's address with another ``sort`` and ``order``, from its first row on."""
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
        headings=[
            _heading("Blueprint", "name", sort, url),
            *(_heading(axis, f"axis:{axis}", sort, url) for axis in found.axes),
            _heading("Any", "any", sort, url),
        ],
        rows=rows,
        rows_in_all=found.blueprints_in_all,
        axes_in_all=found.axes_in_all,
        total=_row("All Blueprints", links.runs(span), found.axes, found.total, span),
    )


def together(found: Together, window: Window) -> Grid:
    """Of the runs that the row's axis denied, how many the column's denied too, and how many no other did."""
    span = links.between(window.since_ms, window.until_ms)

    def row(axis: str) -> Row:
        denied = found.denied[axis]
        cells = [
            _cell(found.both.get((axis, other), 0), denied, [("axis", axis), ("axis", other), *span], capped=True)
            if other != axis
            else None
            for other in found.columns
        ]
        alone = _cell(found.alone[axis], denied, [("only", axis), *span], capped=True)
        return Row(axis, links.rejections([("axis", axis), *span]), [*cells, alone])

    return Grid(
        headings=[Heading("Denied by"), *(Heading(axis, is_axis=True) for axis in found.columns), Heading("No other")],
        rows=[row(axis) for axis in found.rows],
        rows_in_all=found.axes_in_all,
        axes_in_all=found.axes_in_all,
    )


def _heading(label: str, by: str, sort: Sort, url: Callable[..., str]) -> Heading:
    order = sort.order if sort.by == by else None
    turned = {None: usual_order(by), "asc": "desc", "desc": "asc"}[order]
    return Heading(label, url(sort=by, order=turned, cursor=""), order, by.startswith("axis:"))


def _row(label: str, url: str, judged: Mapping[str, Judged | None], totals: Totals, scope: Pairs) -> Row:
    cells = [here and _cell(here.rejected, here.judged, [("axis", axis), *scope]) for axis, here in judged.items()]
    return Row(label, url, [*cells, _cell(totals.rejected, totals.runs, scope)])


def _cell(part: int, whole: int, pairs: Pairs, *, capped: bool = False) -> Cell:
    """``capped``: no tally tells the list behind it its number, so that it counts to ``CAP``."""
    said = Count(min(part, CAP), capped=part > CAP) if capped else Count(part)
    return Cell(part, whole, str(said), links.rejections(pairs), _shade(part, whole))


def _shade(part: int, whole: int) -> str:
    if whole < FEW:
        return "few"
    if not part:
        return "h0"
    return next((shade for rate, shade in _STEPS if part >= rate * whole), "h1")
