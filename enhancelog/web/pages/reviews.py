"""``/triage/reviews/``: axes, the reviewed denials of one, or a queue of denials to review; and one denial."""

import re
from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs, origin_of
from enhancelog.domain import filters, records, reviews
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.reviews import MAX_SEED, SAMPLES, VERDICTS, Denied, ReviewVerdict, Sample, Seed
from enhancelog.domain.telling_lines import shown_line
from enhancelog.queries import entries
from enhancelog.queries import reviews as log
from enhancelog.queries.reviews import Draw, Figures
from enhancelog.store import reviews as store
from enhancelog.store.database import last_position
from enhancelog.web import htmx, reviewing
from enhancelog.web.folded_texts import text
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.markdown import markdown
from enhancelog.web.pages.entry import tried
from enhancelog.web.revalidation import revalidated
from enhancelog.web.reviewing import ReviewForm, SampleRow

MOST_AXES: Final = 100
MOST_ROWS: Final = 50
TITLE_CHARACTERS: Final = 200
RANDOM: Final = "random"
_PANEL: Final = re.compile(r"review-[0-9]{1,3}")
_PARAMETERS: Final = ("axis", "seed", "sample", "review", "skip")


class Asked(NamedTuple):
    axis: str
    sample: Sample | None
    verdict: ReviewVerdict | None
    skip: int

    @property
    def pairs(self) -> list[tuple[str, str]]:
        given = (("axis", self.axis), ("sample", self.sample), ("review", self.verdict))
        return [(name, value) for name, value in given if value]


class Row(NamedTuple):
    axis: str
    url: str
    draw_url: str
    rates: list[SampleRow]


class Item(NamedTuple):
    # Of a queue. ``is_done``: the reader reviewed it in a queue.

    issue_id: str
    url: str
    verdict: ReviewVerdict | None
    is_done: bool


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters()
def review_list(request: HttpRequest) -> HttpResponseBase:
    # ``seed=random`` draws anew.
    try:
        filters.check_single(dict(request.GET.lists()), *_PARAMETERS)
        axis = request.GET.get("axis")
        if axis is None:
            return _axes(request)
        if request.GET.get("seed") == RANDOM:
            drawn_by = reviews.random_seed(last_position())
            return redirect(links.reviews(reviewing.asked(axis, drawn_by)))
        found = _seed(request)
        return _of_axis(request, _list(request, axis)) if found is None else _next(request, log.draw(axis, found))
    except Invalid as error:
        raise BadRequest(str(error)) from None


@require_http_methods(["GET", "HEAD", "POST"])
@needs("log:read")
def review_denial(request: HttpRequest, issue_id: str) -> HttpResponseBase:
    # Parameters ``axis`` (the first that denied) and, in a queue, ``seed``. A POST sets the reader's review.
    return _reviewed(request, issue_id) if request.method == "POST" else _shown(request, issue_id=issue_id)


@needs("triage:write")
def _reviewed(request: HttpRequest, issue_id: str) -> HttpResponseBase:
    denied, drawn = _denial(request, issue_id)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _page(request, denied, drawn, form)
    store.review(denied, form.new, None if drawn is None else int(drawn.seed), origin_of(request))
    if drawn is not None:
        return redirect(links.reviews(reviewing.asked(denied.axis, drawn.seed)))
    if htmx.is_fragment(request):
        return _saved(request, denied)
    messages.success(request, "Your review is saved.")
    return redirect(links.entry(issue_id))


def _saved(request: HttpRequest, denied: Denied) -> HttpResponse:
    # On an entry's page.
    found = reviewing.of_entry(request, entries.get(denied.issue_id), [denied.axis])
    target = request.htmx.target or ""  # type: ignore[attr-defined]
    context = {
        "axis": denied.axis,
        "reviewed": found[denied.axis],
        "may_review": True,
        "panel": target if _PANEL.fullmatch(target) else "review",
    }
    return htmx.page(request, "reviews/saved.jinja", context)


@revalidated()
def _shown(request: HttpRequest, issue_id: str) -> HttpResponseBase:
    return _page(request, *_denial(request, issue_id), ReviewForm())


def _denial(request: HttpRequest, issue_id: str) -> tuple[Denied, Draw | None]:
    try:
        filters.check_single(dict(request.GET.lists()), "axis", "seed")
        denied = log.denied(issue_id, _axis(request, issue_id))
        drawn_by = _seed(request)
        if drawn_by is None:
            return denied, None
        return denied, log.drawn(denied, drawn_by)
    except NotFound:
        raise Http404("There is no entry with this id.") from None
    except Invalid as error:
        raise BadRequest(str(error)) from None


def _axis(request: HttpRequest, issue_id: str) -> str:
    axis = request.GET.get("axis")
    if axis is not None:
        return axis
    if request.method == "POST":
        raise Invalid("axis", "missing", "is missing; name the axis that denied the run")
    first = next(iter(records.denials(entries.get(issue_id).entry)), None)
    if first is None:
        raise Invalid("axis", "denied", "none denied this run; only denials can be reviewed")
    return first


def _seed(request: HttpRequest) -> Seed | None:
    given = filters.whole(dict(request.GET.lists()), "seed", MAX_SEED)
    return None if given is None else reviews.seed(given, last_position())


def _list(request: HttpRequest, axis: str) -> Asked:
    parameters = dict(request.GET.lists())
    for name, choices in (("sample", SAMPLES), ("review", VERDICTS)):
        value = request.GET.get(name)
        if value is not None and value not in choices:
            raise Invalid(name, "choice", f'must be one of {", ".join(choices)}, not "{value[:40]}"')
    sample = next((each for each in SAMPLES if each == request.GET.get("sample")), None)
    verdict = next((each for each in VERDICTS if each == request.GET.get("review")), None)
    return Asked(axis, sample, verdict, filters.offset(parameters))


def _axes(request: HttpRequest) -> HttpResponse:
    axes, more = log.denying_axes(MOST_AXES)
    figures = log.by_axis()
    context = {
        "section": "triage",
        "rows": [_row(axis, figures.get(axis, Figures())) for axis in axes],
        "more": more,
    }
    return htmx.page(request, "reviews/page.jinja", context)


def _row(axis: str, figures: Figures) -> Row:
    return Row(axis, links.reviews([("axis", axis)]), _draw_url(axis), reviewing.rates(axis, figures))


def _draw_url(axis: str) -> str:
    return links.reviews([("axis", axis), ("seed", RANDOM)])


def _of_axis(request: HttpRequest, asked: Asked) -> HttpResponse:
    figures = log.figures(asked.axis)
    found = log.listed(asked.axis, asked.sample, asked.verdict, MOST_ROWS + 1, asked.skip)
    shown = log.reviewed(asked.axis, found[:MOST_ROWS], asked.sample)
    following = asked.skip + MOST_ROWS
    is_more = len(found) > MOST_ROWS
    context = {
        "section": "triage",
        "axis": asked.axis,
        "asked": asked,
        "rates": reviewing.rates(asked.axis, figures),
        "rows": [(row, links.review(row.issue_id, reviewing.asked(asked.axis))) for row in shown],
        "draw_url": _draw_url(asked.axis),
        "every_url": links.reviews([("axis", asked.axis)]),
        "next_url": links.reviews([*asked.pairs, ("skip", str(following))]) if is_more else "",
        "first_url": links.reviews(asked.pairs) if asked.skip else "",
    }
    return htmx.page(request, "reviews/axis.jinja", context)


def _next(request: HttpRequest, drawn: Draw) -> HttpResponse:
    items = _items(request, drawn)
    following = next((item for item in items if not item.is_done), None)
    if following is not None:
        return _page(request, log.denied(following.issue_id, drawn.axis), drawn, ReviewForm())
    context = {
        "section": "triage",
        "drawn": drawn,
        "items": items,
        "again_url": _draw_url(drawn.axis),
        "rates": reviewing.rates(drawn.axis, log.figures(drawn.axis)),
    }
    return htmx.page(request, "reviews/done.jinja", context)


def _items(request: HttpRequest, drawn: Draw) -> list[Item]:
    said = log.said_by(request.user.get_username(), drawn.axis, drawn.positions)
    items = []
    for position, issue_id in log.issue_ids(drawn.positions).items():
        own = said.get(position)
        url = links.review(issue_id, reviewing.asked(drawn.axis, drawn.seed))
        items.append(Item(issue_id, url, own and own.verdict, own is not None and own.seed is not None))
    return items


def _page(request: HttpRequest, denied: Denied, drawn: Draw | None, form: ReviewForm) -> HttpResponse:
    listed = entries.get(denied.issue_id)
    found = log.of_entry(listed).get(denied.axis, [])
    entry = listed.entry
    context = {
        "section": "triage",
        "axis": denied.axis,
        "entry": entry,
        "listed": listed,
        "title": shown_line(entry.intent, TITLE_CHARACTERS),
        "intent": text(entry.intent),
        "rationale": markdown(entry.rationale),
        "details": [text(said.detail) for said in entry.verdicts if (said.axis, said.status) == (denied.axis, "deny")],
        **tried(listed),
        "raw_url": links.api_entry(entry.issue_id),
        "reviewed": reviewing.reviewed(request, denied.issue_id, denied.axis, found, drawn and drawn.seed),
        "may_review": allows(request.user, "triage:write"),
        "form": form,
        "drawn": drawn,
        **({} if drawn is None else _place(_items(request, drawn), denied.issue_id)),
    }
    return htmx.page(request, "reviews/denial.jinja", context, status=400 if form.errors else 200)


def _place(items: list[Item], issue_id: str) -> dict[str, Any]:
    here = next(number for number, item in enumerate(items) if item.issue_id == issue_id)
    return {
        "items": items,
        "number": here + 1,
        "left": sum(not item.is_done for item in items),
        "previous_url": items[here - 1].url if here else "",
        "next_url": items[here + 1].url if here + 1 < len(items) else "",
    }
