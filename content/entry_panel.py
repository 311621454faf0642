"""The panel of work items on an entry's page, and the links that people add there."""

from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from content import linked, links, queries
from content.kinds import is_story_id
from content.rows import KindRow, kind_rows
from enhancelog import links as log_links
from enhancelog.accounts.permissions import allows, needs
from enhancelog.domain.errors import Invalid
from enhancelog.queries import entries_by_id

LINKS_SHOWN: Final = 5


class WorkItem(NamedTuple):
    story_id: str
    rows: list[KindRow]
    by_hand: bool  # a person linked it; others share the entry's id

    @property
    def url(self) -> str:
        return links.story(self.story_id)


def panel(request: HttpRequest, issue_id: str) -> dict[str, Any] | None:
    """``None`` if there is nothing to show or do."""
    if not allows(request.user, "content:read"):
        return None
    by_hand, total = linked.stories_of_entry(issue_id, LINKS_SHOWN)
    own = [issue_id] if is_story_id(issue_id) else []
    work_items = []
    for story_id, items in queries.items_of([*own, *by_hand]).items():
        rows = [row for row in kind_rows(story_id, items) if row.is_set]
        if rows or story_id in by_hand:
            work_items.append(WorkItem(story_id, rows, story_id in by_hand))
    may_link = allows(request.user, "content:write")
    if not work_items and not may_link:
        return None
    return {
        "work_items": work_items,
        "left_out": total - len(by_hand),
        "link_url": links.link(issue_id),
        "may_link": may_link,
    }


@require_POST
@needs("content:write")
def content_link(request: HttpRequest, issue_id: str) -> HttpResponseBase:
    story_id = request.POST.get("story_id", "").strip()
    if request.POST.get("act") == "unlink":
        linked.unlink(issue_id, story_id, request.user.get_username())
        return redirect(log_links.entry(issue_id))
    if not entries_by_id.exists(issue_id):
        raise Http404("No entry of the log has this id.")
    try:
        linked.link(issue_id, story_id, request.user.get_username())
    except Invalid as error:
        messages.error(request, f"Not linked: {error.detail}.")
    return redirect(log_links.entry(issue_id))
