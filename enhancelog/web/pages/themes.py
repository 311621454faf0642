"""``/themes/<axis>``: what the denials of an axis in prose say."""

from typing import Any, Final, NamedTuple

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.queries import runs
from enhancelog.queries.axes import never_judged
from enhancelog.queries.themes import listing
from enhancelog.queries.themes.listing import RARE, Theme
from enhancelog.queries.themes.progress import FEWEST_DENIALS, standing
from enhancelog.store.theme_counting import MOST_PROSE
from enhancelog.themes.prose import LEAST_WORDS
from enhancelog.web import periods
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.linked import Linked, linked
from enhancelog.web.periods import Period
from enhancelog.web.revalidation import revalidated

# Where the documentation tells how themes are made
SEE: Final = "docs/grouping.md"


class Row(NamedTuple):
    theme: Theme
    denials: Linked
    newest_url: str


@require_safe
@needs("log:read")
@revalidated()
def theme_list(request: HttpRequest, axis: str) -> HttpResponseBase:
    if never_judged([axis]):
        raise Http404("There is no axis with this name.")
    newest = runs.newest_ms()
    period = periods.asked(request, newest)
    here = standing(axis)
    context = {
        "section": "axes",
        "axis": axis,
        "period": period,
        "periods": periods.choices(lambda name: links.with_query("", [("period", name)])),
        "standing": here,
        "patterns_url": links.patterns([("axis", axis), *_span(period)]),
        "fewest_denials": FEWEST_DENIALS,
        "least_words": LEAST_WORDS,
        "most_axes": MOST_PROSE,
        "fewest_of_theme": RARE,
        "see": SEE,
    }
    if here.kind == "prose":
        context |= _themes(axis, period, here.up_to, newest)
    return page_or_fragment(request, "themes/page.jinja", context)


def _themes(axis: str, period: Period, up_to: int, newest: int | None) -> dict[str, Any]:
    until_ms = period.window.until_ms or (day_of(newest or 0) + 1) * DAY_MS
    found = listing.listing(axis, period.window, up_to, until_ms)
    return {
        "found": found,
        "rows": [_row(theme, period) for theme in found.themes],
        "rare": [_row(theme, period) for theme in found.rare],
    }


def _row(theme: Theme, period: Period) -> Row:
    own = [("theme", str(theme.id)), *_span(period)]
    url = links.entry(theme.newest.issue_id, [("status", "rejected"), *own]) if theme.newest else ""
    return Row(theme, linked(theme.denials, links.rejections(own)), url)


def _span(period: Period) -> list[tuple[str, str]]:
    return links.between(period.window.since_ms, period.window.until_ms)
