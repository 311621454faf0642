"""The form that starts a work item. It leads to the editor of a first kind; saving there creates the item."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from content import links, queries
from content.kinds import KINDS, check_story_id
from enhancelog.accounts.permissions import needs
from enhancelog.domain.errors import Invalid
from enhancelog.web.htmx import page


@require_safe
@needs("content:write")
def content_new(request: HttpRequest) -> HttpResponseBase:
    story_id, kind = request.GET.get("story_id", "").strip(), request.GET.get("kind", "story")
    error, exists = "", False
    if "story_id" in request.GET:
        error = _refusal(story_id, kind)
        exists = not error and any(item.value is not None for item in queries.items(story_id).values())
        if not error and not exists:
            return redirect(links.edit(story_id, kind))
    context = {
        "section": "content",
        "kinds": KINDS.values(),
        "story_id": story_id,
        "chosen": kind,
        "error": error,
        "exists": exists,
    }
    return page(request, "content/new.jinja", context, 422 if error or exists else 200)


def _refusal(story_id: str, kind: str) -> str:
    if not story_id:
        return "Enter an id."
    try:
        check_story_id(story_id)
    except Invalid as error:
        return f"The id {error.detail}."
    return "" if kind in KINDS else f'Unknown kind "{kind[:80]}".'
