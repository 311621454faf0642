"""The list of stories, the page of one story and the history of one key."""

from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from content import linked, links, queries, rows
from content.editing import kind_row, number, story_context
from content.kinds import KINDS, Kind, is_story_id
from content.queries import Filter
from content.store import VersionMismatch, open_store, version
from enhancelog import links as log_links
from enhancelog.accounts.permissions import allows, needs
from enhancelog.domain import page_sizes, records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.queries import entries_by_id
from enhancelog.queries.entries import Listed
from enhancelog.web.htmx import page
from enhancelog.web.list_requests import without_empty_parameters

PAGE_SIZE: Final = page_sizes.STORIES
HISTORY_SIZE: Final = page_sizes.CHANGES_OF_KEY
RUNS_SHOWN: Final = 10


class Facet(NamedTuple):
    kind: Kind
    stories: str
    url: str
    current: bool


class RunRow(NamedTuple):
    listed: Listed
    denied: list[str]
    by_hand: bool  # a person linked it; others share the story's id


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
        "stories": [rows.story_row(story) for story in queries.stories(ids[:PAGE_SIZE])],
        "facets": _facets(wanted),
        "kinds": KINDS.values(),
        "may_write": allows(request.user, "content:write"),
        "more": log_links.with_query(log_links.at("/content/"), [*_pairs(wanted), ("cursor", more)]) if more else "",
    }
    return page(request, "content/list.jinja", context)


@needs("content:read")
@require_safe
def content_detail(request: HttpRequest, story_id: str) -> HttpResponseBase:
    if not is_story_id(story_id):
        raise Http404(f"No work item can have the id {story_id}.")
    items = queries.items(story_id)
    removed = request.GET.get("removed")
    context = {
        **story_context(request, story_id, items),
        **_runs(story_id),
        "removed": kind_row(story_id, removed) if removed in KINDS else None,
    }
    status = 200 if items or context["may_write"] else 404
    return page(request, "content/detail.jinja", context, status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("content:read")
@without_empty_parameters()
def content_history(request: HttpRequest, kind: str, story_id: str) -> HttpResponseBase:
    if kind not in KINDS or not is_story_id(story_id):
        raise Http404("There is no such kind or work item.")
    if request.method == "POST":
        return _restore(request, kind, story_id)
    before = number(request.GET["before"], "before") if "before" in request.GET else None
    changes = queries.changes_of_key(story_id, kind, HISTORY_SIZE, before)
    if not changes:
        raise Http404(f"{KINDS[kind].label} of {story_id} was never set.")
    oldest = changes[-1].item.version
    context = {
        "section": "content",
        "row": kind_row(story_id, kind),
        "changes": [rows.change_row(change) for change in changes],
        "older": log_links.with_query(links.history(story_id, kind), [("before", str(oldest))]) if oldest > 1 else "",
        "may_write": allows(request.user, "content:write"),
    }
    return page(request, "content/history.jinja", context)


def _restore(request: HttpRequest, kind: str, story_id: str) -> HttpResponseBase:
    @needs("content:write")
    def restore(request: HttpRequest) -> HttpResponseBase:
        was = number(request.POST.get("version", ""), "version")
        old = queries.revision(story_id, kind, number(request.POST.get("restore", ""), "restore"))
        if old is None or old.value is None:
            raise BadRequest("restore: this version has no value")
        store = open_store(Origin("user", request.user.get_username(), "web"))
        try:
            item = store.write(story_id, kind, old.value, expected=version(was)).item
            messages.success(request, f"Version {old.version} was restored as version {item.version}.")
        except VersionMismatch:
            messages.error(request, "Nothing was restored: the value has changed since you opened this page.")
        except Invalid as error:
            messages.error(request, f"Nothing was restored: the old value {error.detail}.")
        return redirect(links.history(story_id, kind))

    return restore(request)


def _runs(story_id: str) -> dict[str, Any]:
    by_hand, total = linked.entries_of_story(story_id, RUNS_SHOWN)
    runs = [
        RunRow(listed, list(records.denials(listed.entry)), listed.issue_id in by_hand)
        for listed in entries_by_id.found({story_id, *by_hand})
    ]
    return {"runs": runs, "more_runs": total - len(by_hand)}


def _facets(wanted: Filter) -> list[Facet]:
    facets = []
    for name, count in queries.counts_by_kind().items():
        current = name == wanted.kind
        url = log_links.with_query(log_links.at("/content/"), _pairs(wanted._replace(kind="" if current else name)))
        said = f"{queries.COUNTED_UP_TO:,}+" if count > queries.COUNTED_UP_TO else f"{count:,}"
        facets.append(Facet(KINDS[name], said, url, current))
    return facets


def _pairs(wanted: Filter) -> list[tuple[str, str]]:
    return [(name, value) for name, value in zip(("text", "kind"), wanted, strict=True) if value]
