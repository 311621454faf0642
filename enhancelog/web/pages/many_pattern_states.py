"""What a team decides about several patterns at once: those that are ticked, or all of a list."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from msgspec import UNSET

from enhancelog import links
from enhancelog.accounts.permissions import needs, origin_of
from enhancelog.domain.errors import Conflict, Invalid, NotFound
from enhancelog.domain.pattern_states import PatternState, StateEdit
from enhancelog.queries import runs
from enhancelog.queries.pattern_ids import is_pattern_id
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.patterns import detail
from enhancelog.queries.patterns.ranking import Leader, leaders_of
from enhancelog.queries.patterns.table import matching
from enhancelog.store import pattern_states as store
from enhancelog.store.pattern_states import Outcomes
from enhancelog.web import htmx, list_requests
from enhancelog.web.form_errors import sentence
from enhancelog.web.pages.pattern_states import change_number
from enhancelog.web.pages.patterns import AskedList, read_list
from enhancelog.web.pattern_state_form import CAUSE_LABELS, MOST_AT_ONCE, ManyStatesForm

EXAMPLES: Final = 10
MOST_NAMED: Final = 100  # of those that were refused
_GONE: Final = "There is no such pattern any more."


class Refusal(NamedTuple):
    url: str
    template: str
    why: str


class Selection(NamedTuple):
    """``patterns``: those to change, each with its latest change. ``so_already``: those that are left out. ``beyond``:
    those for which there is no room."""

    patterns: dict[str, int]
    examples: list[Leader]
    so_already: int
    beyond: int


@require_POST
@needs("triage:write")
@list_requests.redirects_or_refuses
def change_many_pattern_states(request: HttpRequest) -> HttpResponse:
    """``pattern`` (repeated): id, a dot, and the latest change that the sender knows. ``all``: asks first, about the
    list that the query says. ``confirmed``: the answer. ``back``: the list's query."""
    form = ManyStatesForm(request.POST)
    if "all" in request.POST:
        return _asks(request, form)
    is_confirmed = "confirmed" in request.POST
    chosen = _numbered(request, "confirmed") if is_confirmed else _ticked(request)
    if not chosen or len(chosen) > MOST_AT_ONCE:
        number = f"{len(chosen):,} are chosen; at most {MOST_AT_ONCE:,}" if chosen else "Choose at least one"
        form.add_error(None, f"Nothing was changed. {number}.")
    if not form.is_valid():
        return _results(request, form=form, status=400)
    outcomes = store.change_each(chosen, form.edit, origin_of(request))
    said = f"Set to {form.edit.state}"
    if is_confirmed or outcomes.refused:
        return _outcomes(request, outcomes, said, may_undo=True)
    _announce(request, outcomes, said)
    return redirect(_back(request))


@require_POST
@needs("triage:write")
def undo_many_pattern_states(request: HttpRequest) -> HttpResponse:
    """``made``: patterns, each with the change to undo. ``back``: the list's query."""
    made = _numbered(request, "made")
    if len(made) > MOST_AT_ONCE:
        raise BadRequest(f"made: {len(made):,} are named; at most {MOST_AT_ONCE:,}")
    outcomes = store.undo_each(made, origin_of(request))
    said = "Undone"
    if outcomes.refused:
        return _outcomes(request, outcomes, said, may_undo=False)
    _announce(request, outcomes, said)
    return redirect(_back(request))


def _asks(request: HttpRequest, form: ManyStatesForm) -> HttpResponse:
    asked = read_list(request, runs.newest_ms())
    if not form.is_valid():
        return _results(request, form=form, status=400)
    found = _selected(asked, form.edit)
    context = {
        "section": "patterns",
        "back": _back(request),
        "query": request.POST.get("back", ""),
        "asked": asked,
        "found": found,
        "confirmed": _text(found.patterns),
        "form": form,
        "edit": form.edit,
        "causes": CAUSE_LABELS,
        "most": MOST_AT_ONCE,
    }
    return htmx.page(request, "patterns/confirm.jinja", context)


def _selected(asked: AskedList, edit: StateEdit) -> Selection:
    order = matching(asked.list_request.wanted, asked.window, asked.part, asked.chosen)
    states = states_of(order)
    # So that the same can be sent again for those beyond the limit.
    others = [pattern for pattern in order if not _is_so(states[pattern], edit)]
    leaders = leaders_of(others[:MOST_AT_ONCE])
    known = [pattern for pattern in others if pattern in leaders]
    return Selection(
        {leaders[pattern].key: states[pattern].change or 0 for pattern in known},
        [leaders[pattern] for pattern in known[:EXAMPLES]],
        len(order) - len(others),
        max(0, len(others) - MOST_AT_ONCE),
    )


def _is_so(state: PatternState, edit: StateEdit) -> bool:
    wanted = {name: getattr(edit, name) for name in ("state", "cause", "assignee", "most_a_day")}
    is_waiting = state.returned_ms is not None or state.conflict  # which setting it again ends
    return (
        not is_waiting
        and all(value is UNSET or getattr(state, name) == value for name, value in wanted.items())
        and edit.note in ("", state.note)
    )


def _announce(request: HttpRequest, outcomes: Outcomes, said: str) -> None:
    number = len(outcomes.made)
    messages.success(request, f"{said}: {number:,} {'pattern' if number == 1 else 'patterns'}.")


def _outcomes(request: HttpRequest, outcomes: Outcomes, said: str, *, may_undo: bool) -> HttpResponse:
    refused = [_refusal(pattern_id, outcomes.refused[pattern_id]) for pattern_id in list(outcomes.refused)[:MOST_NAMED]]
    return _results(
        request,
        refused=refused,
        refused_number=len(outcomes.refused),
        changed=len(outcomes.made),
        said=said,
        made=_text(outcomes.made) if may_undo else "",
        query=request.POST.get("back", ""),
        status=409 if refused else 200,
    )


def _refusal(pattern_id: str, error: Conflict | Invalid | NotFound) -> Refusal:
    pattern = detail.known(pattern_id)
    if pattern is None or isinstance(error, NotFound):
        return Refusal(links.pattern(pattern_id), pattern_id, _GONE)
    url = links.pattern(pattern.id)
    if isinstance(error, Invalid):
        return Refusal(url, pattern.template, sentence(error))
    state = states_of([pattern.pk])[pattern.pk]
    why = f"{state.changed_by or 'Somebody'} changed it in the meantime; it is {state.state}."
    return Refusal(url, pattern.template, why)


def _ticked(request: HttpRequest) -> dict[str, int]:
    return _chosen("pattern", request.POST.getlist("pattern"))


def _numbered(request: HttpRequest, name: str) -> dict[str, int]:
    # One field, because the number of fields of a form is limited.
    return _chosen(name, request.POST.get(name, "").split())


def _chosen(name: str, values: list[str]) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for value in values:
        pattern_id, _, number = value.partition(".")
        if not is_pattern_id(pattern_id):
            raise BadRequest(f'{name}: must be the id of a pattern, a dot and the id of a change, not "{value[:40]}"')
        chosen.setdefault(pattern_id, change_number(number))
    return chosen


def _text(numbered: Mapping[str, int]) -> str:
    return " ".join(f"{pattern_id}.{number}" for pattern_id, number in numbered.items())


def _back(request: HttpRequest) -> str:
    query = request.POST.get("back", "")
    return links.patterns() + (query if query.startswith("?") and query.isprintable() else "")


def _results(request: HttpRequest, *, status: int, **context: Any) -> HttpResponse:
    context = {"section": "patterns", "back": _back(request), "form": None, **context}
    return htmx.page(request, "pattern_states/results.jinja", context, status=status)
