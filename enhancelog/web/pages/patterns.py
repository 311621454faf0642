"""``/patterns/``: which wordings deny most in a period. Every number links to exactly the rejections it counts.

``sort`` and ``order`` sort the table; ``skip`` is how many rows come before the shown ones.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import filters, page_sizes
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filter_box import Pairs
from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.projections.patterns.details import MOST_AXES
from enhancelog.queries import runs
from enhancelog.queries.charts import Window
from enhancelog.queries.patterns.counted import SAMPLE
from enhancelog.queries.patterns.ranking import PatternRow, Scope
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.queries.patterns.table import SORTS, Part, Table, table
from enhancelog.web import periods, questions
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.periods import Period
from enhancelog.web.places import PATTERNS
from enhancelog.web.questions import Question
from enhancelog.web.revalidation import revalidated

LABELS: Final = {"axis": "Axis", "denials": "Denials", "change": "Change", "first": "First seen", "last": "Last seen"}

_TIME: Final = {"since", "until", "not_since", "not_until", "period", "not_period"}


@dataclass(frozen=True)
class Column:
    """A heading that sorts; ``order`` is the current one, ``url`` sorts by it or turns the order round."""

    label: str
    url: str
    order: filters.Order | None


@dataclass(frozen=True)
class ShownRow:
    """``url`` lists the rejections it counts, ``place_url`` those in its first place; empty where no list is that."""

    row: PatternRow
    url: str
    place_url: str


@require_safe
@needs("log:read")
@revalidated()
@questions.answers_questions
def pattern_list(request: HttpRequest) -> HttpResponse:
    newest = runs.newest_ms()
    if newest is None and runs.is_empty():
        context = {"section": "patterns", "empty": True, "public_url": settings.PUBLIC_URL}
        return page_or_fragment(request, "enhancelog/pattern_list.html", context)
    question = questions.read(request, PATTERNS)
    try:
        part = _part(request, question)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    period = _period(request, question, newest)
    window = Window(question.wanted.since_ms, question.wanted.until_ms) if period is None else period.window
    until_ms = window.until_ms or (day_of(newest or 0) + 1) * DAY_MS
    found = table(question.wanted, window, part, until_ms)
    context = {
        **_context(question, part, found, window),
        "period": period,
        "compared": found.is_compared and window.before_ms is not None,
    }
    return page_or_fragment(request, "enhancelog/pattern_list.html", context)


def _part(request: HttpRequest, question: Question) -> Part:
    sort = request.GET.get("sort") or "denials"
    if sort not in SORTS:
        raise Invalid("sort", "choice", f'must be one of {", ".join(SORTS)}, not "{sort[:40]}"')
    parameters = dict(request.GET.lists())
    order = filters.order(parameters, _usual_order(sort))
    return Part(sort, order, filters.offset(parameters, "skip"), filters.page_size(parameters) or page_sizes.PATTERNS)


def _usual_order(sort: str) -> filters.Order:
    """Names from A on, figures and times from the highest."""
    return "asc" if sort == "axis" else "desc"


def _period(request: HttpRequest, question: Question, newest: int | None) -> Period | None:
    """``None`` where the filter itself says from when to when."""
    said = [name for name, _ in question.given if name in _TIME]
    return periods.asked(request, newest) if said in ([], ["period"]) else None


def _context(question: Question, part: Part, found: Table, window: Window) -> dict[str, Any]:
    shown = part.first + len(found.rows)
    others = tuple(pair for pair in question.given if pair[0] not in _TIME)
    here = {"sort": part.sort, "order": str(part.order)}
    rebuilt = rebuilding()
    return {
        "section": "patterns",
        "question": replace(question, kept=(*question.kept, ("sort", part.sort))),
        "periods": [
            (name, label, question.url((*others, ("period", name)), **here)) for name, label in periods.LABELS.items()
        ],
        "columns": {name: _column(question, name, part) for name in LABELS},
        "found": found,
        "rows": [_shown(row, others, window) for row in found.rows],
        "runs": _runs(found.scope, window) if found.scope else None,
        "sample": SAMPLE,
        "rebuilding": rebuilt,
        "beyond": found.beyond if rebuilt is None else 0,
        "most_axes": MOST_AXES,
        "shown": (part.first + 1, shown),
        "next_url": question.url(None, **here, skip=str(shown)) if shown < found.in_all else "",
        "first_url": question.url(None, **here) if part.first else "",
    }


def _shown(row: PatternRow, others: Pairs, window: Window) -> ShownRow:
    names = {name for name, _ in others}
    if "pattern" in names:  # either of two patterns would be asked for
        return ShownRow(row, "", "")
    own = [*links.between(window.since_ms, window.until_ms), ("pattern", row.id)]
    elsewhere = [pair for pair in others if pair[0] != "blueprint_id"]
    mostly_in = [*elsewhere, ("blueprint_id", row.places[0].name), *own] if row.places else []
    return ShownRow(row, links.rejections([*others, *own]), links.rejections(mostly_in) if mostly_in else "")


def _column(question: Question, name: str, part: Part) -> Column:
    turned = _usual_order(name)
    if name == part.sort:
        turned = "desc" if part.order == "asc" else "asc"
    return Column(LABELS[name], question.url(sort=name, order=turned), part.order if name == part.sort else None)


def _runs(scope: Scope, window: Window) -> int:
    """In the period, of the Blueprints that are looked at."""
    wanted = scope.blueprint_ids
    totals = runs.by_blueprint(window)
    return sum(here.runs for blueprint_id, here in totals.items() if wanted is None or blueprint_id in wanted)
