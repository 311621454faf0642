"""``/triage/``: one pattern at a time that waits for a decision, worst first."""

from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs, origin_of, user_of
from enhancelog.domain import filters
from enhancelog.domain.errors import Conflict, Invalid, NotFound
from enhancelog.domain.pattern_states import PatternState
from enhancelog.domain.times import now_ms
from enhancelog.queries import runs, triage
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.patterns import detail
from enhancelog.queries.patterns.detail import Known
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.queries.triage import Inbox, Waiting
from enhancelog.store import pattern_states as store
from enhancelog.web import htmx
from enhancelog.web.pages.pattern import known_pattern
from enhancelog.web.pattern_state_form import CAUSE_LABELS
from enhancelog.web.revalidation import revalidated
from enhancelog.web.triage_form import DecisionForm
from enhancelog.web.triage_panels import panels

_BUSY: Final = 409


class Shown(NamedTuple):
    """``place``: in the inbox; ``None`` if it does not wait."""

    pattern: Known
    state: PatternState
    waiting: Waiting | None
    place: int | None


@require_http_methods(["GET", "HEAD", "POST"])
def inbox(request: HttpRequest) -> HttpResponseBase:
    """``skip``: how many to pass over; or ``pattern``: its id. ``done``: the reader's last decision."""
    return _decide(request) if request.method == "POST" else _read(request)


@needs("log:read")
@revalidated(also=triage.latest_change)
def _read(request: HttpRequest) -> HttpResponse:
    skip, pattern = _asked(request)
    return _page(request, skip, pattern)


@needs("triage:write")
def _decide(request: HttpRequest) -> HttpResponse:
    form = DecisionForm(request.POST)
    pattern = known_pattern(request.POST.get("pattern", ""))
    if not form.is_valid():
        return _refused(request, pattern, form, 400)
    skip = form.cleaned_data["skip"] or 0
    if pattern.id != form.cleaned_data["pattern"]:
        form.add_error(None, "Not saved: this pattern was joined to another one in the meantime, which is shown.")
        return _refused(request, pattern, form, _BUSY)
    try:
        made = store.change(pattern.id, form.edit, origin_of(request), form.cleaned_data["seen"])
    except Conflict:
        made = states_of([pattern.pk])[pattern.pk].change
        if not _is_same(request, form, made):
            form.add_error(None, "Not saved: somebody decided in the meantime, as shown here. What you chose is kept.")
            return _refused(request, pattern, form, _BUSY)
    except NotFound:
        raise Http404("There is no deny pattern with this id.") from None
    except Invalid as broken:
        form.add_error("note" if broken.field == "note" else None, f"Not saved: the {broken.field} {broken.detail}.")
        return _refused(request, pattern, form, 400)
    return redirect(links.triage([*_place(skip), ("done", str(made))]))


@require_POST
@needs("triage:write")
def undo(request: HttpRequest) -> HttpResponse:
    """``change``: of ``pattern``, which is shown again."""
    pattern = known_pattern(request.POST.get("pattern", ""))
    change = request.POST.get("change", "")
    if not (change.isascii() and change.isdecimal() and len(change) < 19):
        raise BadRequest(f'change: must be the id of a change, not "{change[:40]}"')
    try:
        store.undo(pattern.id, int(change), origin_of(request))
    except Conflict:
        messages.error(request, "Not undone: somebody has changed this pattern since.")
    except NotFound:
        raise Http404("There is no such change.") from None
    except Invalid as broken:
        messages.error(request, f"Not undone: the {broken.field} {broken.detail}.")
    else:
        messages.success(request, "Undone. Here is the pattern again.")
    return redirect(links.triage([("pattern", pattern.id)]))


def _asked(request: HttpRequest) -> tuple[int, Known | None]:
    try:
        skip = min(filters.offset(dict(request.GET.lists())), triage.MOST)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    wanted = request.GET.get("pattern")
    return skip, known_pattern(wanted) if wanted else None


def _refused(request: HttpRequest, pattern: Known, form: DecisionForm, status: int) -> HttpResponse:
    return _page(request, 0, pattern, form, status)


def _page(
    request: HttpRequest, skip: int, pattern: Known | None, form: DecisionForm | None = None, status: int = 200
) -> HttpResponse:
    found = triage.inbox(now_ms())
    shown = _shown(found, skip, pattern)
    may_write = allows(request.user, "triage:write")
    done = _done(request) if may_write else None
    kept = [("done", str(done["change"]))] if done else []
    context: dict[str, Any] = {
        "section": "triage",
        "inbox": found,
        "shown": shown,
        "skip": skip,
        "may_write": may_write,
        "done": done,
        "most": triage.MOST,
        "days": triage.DAYS,
        "causes": CAUSE_LABELS,
        "log_is_empty": not found.waiting and runs.is_empty(),
        **_neighbors(found, shown, skip, kept),
    }
    if shown is not None:
        context |= {
            **panels(shown.pattern, shown.state, shown.waiting, found),
            "form": form or DecisionForm(initial={"cause": shown.state.cause or ""}),
            "rebuilding": rebuilding(),
        }
    return htmx.page(request, "triage/page.jinja", context, status)


def _shown(found: Inbox, skip: int, pattern: Known | None) -> Shown | None:
    if pattern is None:
        if skip >= len(found.waiting):
            return None
        pattern = detail.of_row(found.waiting[skip].pattern)
        if pattern is None:  # joined to another one meanwhile
            return None
    place = found.place(pattern.pk)
    waiting = None if place is None else found.waiting[place]
    return Shown(pattern, states_of([pattern.pk])[pattern.pk], waiting, place)


def _neighbors(found: Inbox, shown: Shown | None, skip: int, kept: list[tuple[str, str]]) -> dict[str, str]:
    # One that does not wait is followed by the first, and what is past the end is preceded by the last.
    if shown is None:
        before, after = min(skip, len(found.waiting)) - 1, len(found.waiting)
    else:
        before, after = (-1, 0) if shown.place is None else (shown.place - 1, shown.place + 1)
    return {
        "previous_url": links.triage([*_place(before), *kept]) if before >= 0 else "",
        "next_url": links.triage([*_place(after), *kept]) if after < len(found.waiting) else "",
        "first_url": links.triage(kept),
    }


def _place(skip: int) -> list[tuple[str, str]]:
    return [("skip", str(skip))] if skip else []


def _done(request: HttpRequest) -> dict[str, Any] | None:
    # The address names it, so only the reader's own decision is taken from there.
    number = request.GET.get("done", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    made = triage.made_by(user_of(request).get_username(), int(number))
    template = made and triage.made_for(made)
    pattern = template and detail.known(template)
    if not made or not pattern:
        return None
    is_latest = states_of([pattern.pk])[pattern.pk].change == made.pk
    return {"change": made.pk, "made": made, "pattern": pattern, "may_undo": is_latest}


def _is_same(request: HttpRequest, form: DecisionForm, latest: int) -> bool:
    # The key was pressed twice, or the answer was lost.
    made = triage.made_by(user_of(request).get_username(), latest)
    names = ("state", "cause", "note", "most_a_day")
    return made is not None and all(getattr(made, name) == getattr(form.edit, name) for name in names)
