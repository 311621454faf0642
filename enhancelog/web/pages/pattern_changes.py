"""Manual splits and merges of deny patterns, and undoing them."""

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from enhancelog import links
from enhancelog.accounts.permissions import needs, user_of
from enhancelog.domain import page_sizes
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.queries.patterns import detail
from enhancelog.queries.patterns.detail import Known
from enhancelog.store import pattern_changes
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.pages.pattern import known_pattern

MOST_SHOWN: Final = page_sizes.TEMPLATES_OF_PATTERN


@require_http_methods(["GET", "HEAD", "POST"])
@needs("patterns:change")
def split_pattern(request: HttpRequest, pattern_id: str) -> HttpResponse:
    """``template`` (repeated): those that become a pattern of their own."""
    pattern = known_pattern(pattern_id)
    error = None
    if request.method == "POST":
        try:
            made = pattern_changes.split(pattern.id, request.POST.getlist("template"), user_of(request).get_username())
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
    """``pattern``: the pattern of the same axis to merge with."""
    pattern = known_pattern(pattern_id)
    error = None
    if request.method == "POST":
        chosen = request.POST.get("pattern", "")
        try:
            made = pattern_changes.merge(pattern.id, chosen, user_of(request).get_username())
        except NotFound:
            error = Invalid("pattern", "choice", "must be one of the list, which may have changed in the meantime")
        except Invalid as broken:
            error = broken
        else:
            messages.success(request, "Patterns merged. You can undo this below.")
            return redirect(links.pattern(made))
    others = detail.others(pattern, MOST_SHOWN + 1)
    context = {"others": others[:MOST_SHOWN], "are_more": len(others) > MOST_SHOWN}
    context["chosen"] = request.POST.getlist("pattern")
    return _form(request, pattern, "merge", context, error)


@require_POST
@needs("patterns:change")
def undo_pattern_change(request: HttpRequest, change_id: int) -> HttpResponse:
    """Redirects to ``pattern``."""
    try:
        pattern_changes.undo(change_id, user_of(request).get_username())
    except NotFound:
        raise Http404("There is no change with this id.") from None
    except Invalid as broken:
        raise BadRequest(str(broken)) from None
    messages.success(request, "Undone.")
    pattern = detail.known(request.POST.get("pattern", ""))
    return redirect(links.pattern(pattern.id) if pattern else links.patterns())


def _form(
    request: HttpRequest, pattern: Known, template: str, context: dict[str, Any], error: Invalid | None
) -> HttpResponse:
    context |= {"section": "patterns", "pattern": pattern, "error": error, "here": request.path}
    return page_or_fragment(request, f"pattern_changes/{template}.jinja", context, status=400 if error else 200)
