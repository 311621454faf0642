"""Manual splits and merges of deny patterns, and undoing them."""

from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from enhancelog import links
from enhancelog.accounts.permissions import needs, origin_of
from enhancelog.domain import page_sizes
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.pattern_states import PatternState
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.patterns import detail
from enhancelog.queries.patterns.detail import Known
from enhancelog.store import pattern_changes
from enhancelog.store.pattern_changes import StatesDiffer
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.pages.pattern import known_pattern
from enhancelog.web.pattern_state_form import CAUSE_LABELS

MOST_SHOWN: Final = page_sizes.TEMPLATES_OF_PATTERN


class ToKeep(NamedTuple):
    id: str
    template: str
    state: PatternState


@require_http_methods(["GET", "HEAD", "POST"])
@needs("patterns:change")
def split_pattern(request: HttpRequest, pattern_id: str) -> HttpResponse:
    """``template`` (repeated): those that become a pattern of their own."""
    pattern = known_pattern(pattern_id)
    error = None
    if request.method == "POST":
        try:
            made = pattern_changes.split(pattern.id, request.POST.getlist("template"), origin_of(request))
        except Invalid as broken:
            error = broken
        else:
            messages.success(
                request, "Pattern split. The chosen templates are now this pattern; you can undo this below."
            )
            return redirect(links.pattern(made))
    members = detail.members(pattern)
    context = {"members": members[:MOST_SHOWN], "left_out": max(0, len(members) - MOST_SHOWN)}
    context["chosen"] = request.POST.getlist("template")
    return _form(request, pattern, "split", context, error)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("patterns:change")
def merge_pattern(request: HttpRequest, pattern_id: str) -> HttpResponse:
    """``pattern``: the pattern of the same axis to merge with. ``keep``: the one of the two whose state both get; asked
    for if these differ."""
    pattern = known_pattern(pattern_id)
    error: Invalid | None = None
    to_keep: list[ToKeep] = []
    if request.method == "POST":
        chosen = request.POST.get("pattern", "")
        try:
            made = pattern_changes.merge(pattern.id, chosen, origin_of(request), request.POST.get("keep") or None)
        except StatesDiffer as differing:
            error, to_keep = differing, _to_keep(pattern, known_pattern(chosen))
        except NotFound:
            error = Invalid("pattern", "choice", "must be one of the list, which may have changed in the meantime")
        except Invalid as broken:
            error = broken
        else:
            messages.success(request, "Patterns merged. You can undo this below.")
            return redirect(links.pattern(made))
    others = detail.others(pattern, MOST_SHOWN + 1)
    context: dict[str, Any] = {"others": others[:MOST_SHOWN], "are_more": len(others) > MOST_SHOWN}
    context |= {"chosen": request.POST.getlist("pattern"), "to_keep": to_keep, "causes": CAUSE_LABELS}
    return _form(request, pattern, "merge", context, error)


@require_POST
@needs("patterns:change")
def undo_pattern_change(request: HttpRequest, change_id: int) -> HttpResponse:
    """Redirects to ``pattern``."""
    try:
        pattern_changes.undo(change_id, origin_of(request))
    except NotFound:
        raise Http404("There is no change with this id.") from None
    except Invalid as broken:
        raise BadRequest(str(broken)) from None
    messages.success(request, "Undone.")
    pattern = detail.known(request.POST.get("pattern", ""))
    return redirect(links.pattern(pattern.id) if pattern else links.patterns())


def _to_keep(*known: Known) -> list[ToKeep]:
    states = states_of([each.pk for each in known])
    return [ToKeep(each.id, each.template, states[each.pk]) for each in known]


def _form(
    request: HttpRequest, pattern: Known, template: str, context: dict[str, Any], error: Invalid | None
) -> HttpResponse:
    context |= {"section": "patterns", "pattern": pattern, "error": error, "here": request.path}
    return page_or_fragment(request, f"pattern_changes/{template}.jinja", context, status=400 if error else 200)
