"""What a team decides about a pattern."""

from typing import Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from enhancelog import links
from enhancelog.accounts.permissions import needs, origin_of
from enhancelog.domain.errors import Conflict, Invalid, NotFound
from enhancelog.domain.pattern_states import MAX_CHANGE, PatternState
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.patterns.detail import Known
from enhancelog.store import pattern_states as store
from enhancelog.web.form_errors import refuse
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.pages.pattern import known_pattern
from enhancelog.web.pattern_state_form import CAUSE_LABELS, PatternStateForm, initial

_MOST_ASSIGNEES: Final = 100  # suggested


@require_http_methods(["GET", "HEAD", "POST"])
@needs("triage:write")
def change_pattern_state(request: HttpRequest, pattern_id: str) -> HttpResponse:
    pattern = known_pattern(pattern_id)
    state = _state(pattern)
    form = PatternStateForm(request.POST or None, initial=initial(state))
    if request.method != "POST" or not form.is_valid():
        return _form(request, pattern, state, form, 400 if form.errors else 200)
    try:
        store.change(pattern.id, form.edit, origin_of(request), form.cleaned_data["seen"])
    except Conflict:
        state = _state(pattern)
        form.show_latest(state)
        return _form(request, pattern, state, form, 409)
    except NotFound:
        raise Http404("There is no deny pattern with this id.") from None
    except Invalid as broken:
        refuse(form, broken)
        return _form(request, pattern, state, form, 400)
    messages.success(request, "The state is changed. You can undo this below.")
    return redirect(links.pattern(pattern.id))


@require_POST
@needs("triage:write")
def undo_pattern_state(request: HttpRequest, pattern_id: str) -> HttpResponse:
    """``change``: the latest one."""
    pattern = known_pattern(pattern_id)
    try:
        store.undo(pattern.id, change_number(request.POST.get("change", "")), origin_of(request))
    except Conflict:
        state = _state(pattern)
        messages.error(request, f"Not undone: {state.changed_by or 'somebody'} changed the state in the meantime.")
    except NotFound:
        raise Http404("There is no deny pattern with this id.") from None
    except Invalid as broken:
        raise BadRequest(str(broken)) from None
    else:
        messages.success(request, "Undone.")
    return redirect(links.pattern(pattern.id))


def change_number(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19 and int(digits) <= MAX_CHANGE):
        raise BadRequest(f'change: must be the id of a change, not "{digits[:40]}"')
    return int(digits)


def _state(pattern: Known) -> PatternState:
    return states_of([pattern.pk])[pattern.pk]


def _form(
    request: HttpRequest, pattern: Known, state: PatternState, form: PatternStateForm, status: int
) -> HttpResponse:
    staff = User.objects.filter(is_active=True, is_staff=True).order_by("username")
    context = {
        "section": "patterns",
        "pattern": pattern,
        "state": state,
        "causes": CAUSE_LABELS,
        "form": form,
        "was_overtaken": status == 409,
        "assignees": list(staff.values_list("username", flat=True)[:_MOST_ASSIGNEES]),
        "here": request.path,
    }
    return page_or_fragment(request, "pattern_states/form.jinja", context, status=status)
