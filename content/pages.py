"""The content pages: the list, a story with all its kinds, one key's history, and links between entries and stories."""

from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from content import linked, links, queries, shown
from content.editing import number, shown_kind, story_context
from content.kinds import KINDS, Kind, is_story_id
from content.queries import Filter
from content.store import VersionMismatch, open_store, version
from enhancelog import links as log_links
from enhancelog.accounts.permissions import allows, needs
from enhancelog.domain import page_sizes, records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.queries import lookup
from enhancelog.queries.entries import Listed
from enhancelog.web.htmx import private
from enhancelog.web.questions import without_empty_parameters

PAGE_SIZE: Final = page_sizes.STORIES
HISTORY_SIZE: Final = page_sizes.CHANGES_OF_KEY
RUNS_SHOWN: Final = 10
LINKS_SHOWN: Final = 5
"""Work items beside an entry that a person linked."""


class Facet(NamedTuple):
    kind: Kind
    stories: str
    url: str
    current: bool


class Run(NamedTuple):
    """An entry of the log that belongs to the story; ``by_hand``: because a person said so."""

    listed: Listed
    denied: list[str]
    by_hand: bool


@needs("content:read")
@require_safe
@without_empty_parameters()
def content_list(request: HttpRequest) -> HttpResponseBase:
    wanted = Filter(request.GET.get("text", "").replace("\0", ""), request.GET.get("kind", ""))
    try:
        after = queries.read_cursor(request.GET["cursor"], wanted) if "cursor" in request.GET else ""
        ids = queries.story_ids(wanted, after, PAGE_SIZE + 1)
    except Invalid as error:
        raise BadRequest(str(error)) from None
    more = queries.cursor(ids[PAGE_SIZE - 1], wanted) if len(ids) > PAGE_SIZE else ""
    context = {
        "section": "content",
        "wanted": wanted,
        "kind": KINDS.get(wanted.kind),
        "stories": [(story, shown.title(story.beginning)) for story in queries.stories(ids[:PAGE_SIZE])],
        "kinds": KINDS,
        "facets": _facets(wanted),
        "more": log_links.with_query("/content/", [*_pairs(wanted), ("cursor", more)]) if more else "",
        "may_write": allows(request.user, "content:write"),
    }
    return private(render(request, "content/content_list.html", context))


@needs("content:read")
@require_safe
def content_detail(request: HttpRequest, story_id: str) -> HttpResponseBase:
    if not is_story_id(story_id):
        raise Http404(f"No work item can have the id {story_id}.")
    items = queries.items(story_id)
    context = {**story_context(request, story_id, items), **_runs(story_id)}
    status = 200 if items or context["may_write"] else 404
    return private(render(request, "content/content_detail.html", context, status=status))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("content:read")
@without_empty_parameters()
def content_history(request: HttpRequest, kind: str, story_id: str) -> HttpResponseBase:
    """``GET``: the key's versions, newest first, each with what it changed. ``POST``: restore one."""
    if kind not in KINDS or not is_story_id(story_id):
        raise Http404("There is no such key.")
    if request.method == "POST":
        return _restore(request, kind, story_id)
    before = number(request.GET["before"], "before") if "before" in request.GET else None
    changes = queries.changes_of_key(story_id, kind, HISTORY_SIZE, before)
    if not changes:
        raise Http404(f"{KINDS[kind].label} of {story_id} was never set.")
    oldest = changes[-1].item.version
    context = {
        "section": "content",
        "it": shown_kind(story_id, kind),
        "told": [shown.tell(change) for change in changes],
        "older": log_links.with_query(links.history(story_id, kind), [("before", str(oldest))]) if oldest > 1 else "",
        "may_write": allows(request.user, "content:write"),
    }
    return private(render(request, "content/content_history.html", context))


@require_POST
@needs("content:write")
def content_link(request: HttpRequest, issue_id: str) -> HttpResponseBase:
    """Link an entry to a work item by hand, or with ``act=unlink`` take it back."""
    story_id = request.POST.get("story_id", "").strip()
    if request.POST.get("act") == "unlink":
        linked.unlink(issue_id, story_id)
        return redirect(log_links.entry(issue_id))
    if not lookup.exists(issue_id):
        raise Http404("No entry of the log has this id.")
    try:
        linked.link(issue_id, story_id, request.user.get_username())
    except Invalid as error:
        messages.error(request, f"Not linked: {error.detail}.")
    return redirect(log_links.entry(issue_id))


def panel(request: HttpRequest, issue_id: str) -> dict[str, Any] | None:
    """The context of ``content/_panel.html``: the work items of an entry as they are now."""
    if not allows(request.user, "content:read"):
        return None
    by_hand, total = linked.stories_of_entry(issue_id, LINKS_SHOWN)
    own = [issue_id] if is_story_id(issue_id) else []
    stories = []
    for story_id, items in queries.items_of([*own, *by_hand]).items():
        rows = [row for row in shown.shown(story_id, items) if row.is_set]
        if rows or story_id in by_hand:
            stories.append({"id": story_id, "rows": rows, "by_hand": story_id in by_hand})
    may_link = allows(request.user, "content:write")
    if not stories and not may_link:
        return None
    return {
        "work_items": stories,
        "more_work_items": total - len(by_hand),
        "link_url": links.link(issue_id),
        "may_link": may_link,
    }


def _restore(request: HttpRequest, kind: str, story_id: str) -> HttpResponseBase:
    @needs("content:write")
    def restore(request: HttpRequest) -> HttpResponseBase:
        was = number(request.POST.get("version", ""), "version")
        old = queries.revision(story_id, kind, number(request.POST.get("restore", ""), "restore"))
        if old is None or old.value is None:
            raise BadRequest("restore: this version holds nothing")
        store = open_store(Origin("user", request.user.get_username(), "web"))
        try:
            item = store.write(story_id, kind, old.value, expected=version(was)).item
            messages.success(request, f"Version {old.version} is restored as version {item.version}.")
        except VersionMismatch:
            messages.error(request, "Nothing was restored: somebody changed it meanwhile. Look again.")
        except Invalid as error:
            messages.error(request, f"Nothing was restored: the old value {error.detail}.")
        return redirect(links.history(story_id, kind))

    return restore(request)


def _runs(story_id: str) -> dict[str, Any]:
    """What ``content/_runs.html`` shows beside a work item: the entries of the log that belong to it."""
    by_hand, total = linked.entries_of_story(story_id, RUNS_SHOWN)
    found = [(listed, listed.entry) for listed in lookup.by_ids({story_id, *by_hand})]
    runs = [Run(listed, list(records.denials(entry)), entry.issue_id in by_hand) for listed, entry in found]
    return {"runs": runs, "more_runs": total - len(by_hand)}


def _facets(wanted: Filter) -> list[Facet]:
    facets = []
    for name, count in queries.counts_by_kind().items():
        current = name == wanted.kind
        url = log_links.with_query("/content/", _pairs(wanted._replace(kind="" if current else name)))
        said = f"{queries.COUNTED_UP_TO:,}+" if count > queries.COUNTED_UP_TO else f"{count:,}"
        facets.append(Facet(KINDS[name], said, url, current))
    return facets


def _pairs(wanted: Filter) -> list[tuple[str, str]]:
    return [(name, value) for name, value in zip(("text", "kind"), wanted, strict=True) if value]
