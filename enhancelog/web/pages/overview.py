"""``/``: what was denied in a period, compared with the period before."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.links import Pairs
from enhancelog.queries import runs
from enhancelog.queries.overview import Overview
from enhancelog.queries.overview import overview as summed
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.queries.runs import Totals
from enhancelog.web import overview_chart, periods
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated


@dataclass(frozen=True)
class Rate:
    """In per cent; ``None`` without runs."""

    now: int | None
    before: int | None

    @property
    def points(self) -> int | None:
        return None if self.now is None or self.before is None else self.now - self.before


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters()
def overview(request: HttpRequest) -> HttpResponseBase:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        return page_or_fragment(request, "overview/page.jinja", {"section": "overview", "empty": True})
    period = periods.asked(request, newest)
    chosen = [("period", period.name)] if "period" in request.GET else []
    context = {"section": "overview", "empty": False, **_context(period, summed(period.window, newest), chosen)}
    return page_or_fragment(request, "overview/page.jinja", context)


def _context(period: Period, found: Overview, chosen: Pairs) -> dict[str, Any]:
    span = links.between(period.window.since_ms, period.window.until_ms)
    return {
        "period": period,
        "periods": [(name, label, f"?period={name}") for name, label in periods.LABELS.items()],
        "window": period.window,
        "compared": period.window.before_ms is not None,
        "found": found,
        "rate": Rate(_rate(found.now), _rate(found.before)),
        "rebuilding": rebuilding(),
        "matrix_url": links.matrix(chosen),
        "patterns_url": links.patterns(chosen),
        "new_patterns_url": links.patterns([("is", "new"), *span]),
        "days": [periods.short_label(day, few=False) for day in found.days],
        "by_day": overview_chart.by_day(found.patterns.rows, found.days),
        "chart": overview_chart.chart(found),
    }


def _rate(totals: Totals) -> int | None:
    return round(100 * totals.rejected / totals.runs) if totals.runs else None
