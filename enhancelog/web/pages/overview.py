"""``/``: what was denied in a period, against the period before. Every figure links to exactly the rows it counts."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.links import Pairs
from enhancelog.queries import runs
from enhancelog.queries.charts import Bar
from enhancelog.queries.overview import Overview
from enhancelog.queries.overview import overview as summed
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.queries.runs import Totals
from enhancelog.web import figure_tables, periods
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.periods import Period
from enhancelog.web.questions import without_empty_parameters
from enhancelog.web.revalidation import revalidated

LABELS: Final = 7
"""Bars that get a word below them."""


class ChartBar(NamedTuple):
    """``below`` is the short label, empty for most bars of a dense chart; ``sparse`` ones give way on a phone."""

    span: Bar
    totals: Totals
    label: str
    below: str
    sparse: bool


@dataclass(frozen=True)
class Rate:
    """Deny rate in whole per cent, and its change in points; ``None`` where there is nothing to divide by."""

    now: int | None
    before: int | None

    @property
    def points(self) -> int | None:
        return None if self.now is None or self.before is None else self.now - self.before

    @property
    def size(self) -> int:
        return abs(self.points or 0)


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters()
def overview(request: HttpRequest) -> HttpResponseBase:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        context = {"section": "overview", "empty": True, "public_url": settings.PUBLIC_URL}
        return page_or_fragment(request, "enhancelog/overview.html", context)
    period = periods.asked(request, newest)
    chosen = [("period", period.name)] if "period" in request.GET else []
    context = {"section": "overview", **_context(period, summed(period.window, newest), chosen)}
    return page_or_fragment(request, "enhancelog/overview.html", context)


def _context(period: Period, found: Overview, chosen: Pairs) -> dict[str, Any]:
    bars = _bars(found)
    top = _top(max((bar.totals.runs for bar in bars), default=0))
    return {
        "period": period,
        "periods": [(name, label, f"?period={name}") for name, label in periods.LABELS.items()],
        "window": period.window,
        "compared": period.window.before_ms is not None,
        "is_empty": not found.now.runs,
        "found": found,
        "rebuilding": rebuilding(),
        "matrix_url": links.matrix(chosen),
        "patterns_url": links.patterns(chosen),
        "days": [periods.short_label(day, few=False) for day in found.days],
        "by_day": figure_tables.by_day(found.patterns.rows, found.days),
        "by_trouble": figure_tables.by_trouble(found.blueprints, period.window),
        "rate": Rate(_rate(found.now), _rate(found.before)),
        "bars": bars,
        "labels": figure_tables.labels(bars),
        "bar_width": periods.bar_width([bar.span for bar in bars]),
        "top": top,
        "ticks": range(top, -1, -top // 4),
        "strip_top": max((judged.rejected for strip in found.strips for judged in strip.bars), default=0) or 1,
        "hatched": any(
            bar.totals.runs and not judged.judged
            for strip in found.strips
            for bar, judged in zip(bars, strip.bars, strict=True)
        ),
        "table": figure_tables.by_bar(bars, found.strips),
    }


def _bars(found: Overview) -> list[ChartBar]:
    few = len(found.bars) <= LABELS
    every = -(-len(found.bars) // LABELS)
    return [
        ChartBar(
            span=span,
            totals=totals,
            label=periods.full_label(span),
            below="" if at % every else periods.short_label(span, few),
            sparse=bool(at // every % 2),
        )
        for at, (span, totals) in enumerate(found.bars)
    ]


def _rate(totals: Totals) -> int | None:
    return round(100 * totals.rejected / totals.runs) if totals.runs else None


def _top(highest: int) -> int:
    """The upper edge of a chart with four lines above zero: the lines are 1, 2, 3 or 5 times a power of ten apart."""
    power = 1
    while 20 * power < highest:
        power *= 10
    return 4 * next(step * power for step in (1, 2, 3, 5) if 4 * step * power >= highest)
