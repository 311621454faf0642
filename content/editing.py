"""The form that changes one key. A conflicting change by somebody else is shown, never overwritten silently."""

# Without script a change answers with a redirect; htmx gets the changed row and the parts of the page that depend on
# it.

import re
from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from content import links, queries, rows
from content.forms import posted_value
from content.kinds import KINDS, Kind, is_story_id, kind_named
from content.rows import KindRow
from content.store import ContentStore, Item, OutOfRange, VersionMismatch, absent, open_store, version
from enhancelog.accounts.permissions import allows, needs
from enhancelog.domain import diffs, merging
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.web.htmx import is_fragment, page, page_or_fragment

CHANGES_SHOWN: Final = 8
SET_AGAIN: Final = "has been set again in the meantime, so nothing was restored"
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")  # fits 64 bits


@needs("content:write")
def content_edit(request: HttpRequest, kind: str, story_id: str) -> HttpResponseBase:
    if kind not in KINDS or not is_story_id(story_id):
        raise Http404("There is no such kind or work item.")
    if request.method != "POST":
        row = kind_row(story_id, kind)
        if "cancel" in request.GET and is_fragment(request):
            return page(request, "content/kind.jinja", {"row": row, "may_write": True})
        return _confirm(request, row) if "remove" in request.GET and row.is_set else _form(request, row)
    act = ACTS.get(request.POST.get("act", "save"))
    if act is None:
        raise BadRequest("act: must be one of " + ", ".join(ACTS))
    store = open_store(Origin("user", request.user.get_username(), "web"))
    return act(request, store, story_id, KINDS[kind])


def story_context(request: HttpRequest, story_id: str, items: dict[str, Item]) -> dict[str, Any]:
    kinds = rows.kind_rows(story_id, items)
    return {
        "section": "content",
        "story_id": story_id,
        "set_rows": [row for row in kinds if row.is_set],
        "unset_rows": [row for row in kinds if not row.is_set],
        "last": rows.last_change(items),
        "changes": [rows.change_row(change) for change in queries.latest_changes(story_id, CHANGES_SHOWN)],
        "raw_url": links.api_story(story_id),
        "may_write": allows(request.user, "content:write"),
    }


def kind_row(story_id: str, kind: str) -> KindRow:
    return KindRow(story_id, kind_named(kind), queries.items(story_id).get(kind))


def number(text: str, field: str) -> int:
    """Raises ``BadRequest``."""
    if not _WHOLE.fullmatch(text):
        raise BadRequest(f"{field}: must be a whole number")
    return int(text)


def _save(request: HttpRequest, store: ContentStore, story_id: str, kind: Kind) -> HttpResponseBase:
    was = number(request.POST.get("version", ""), "version")
    base = queries.revision(story_id, kind.name, was) if was else None
    text = posted_value(kind, request.POST.get("value", ""), (base.value or "") if base else "")
    current = store.read(story_id, kind.name)
    if current is not None and text in (current.value, base.value if base else None):
        return _done(request, story_id, kind)
    try:
        store.write(story_id, kind.name, text, expected=version(was))
    except Invalid as error:
        return _form(request, kind_row(story_id, kind.name), text=text, was=was, error=error.detail)
    except VersionMismatch as conflict:
        return _conflict(request, KindRow(story_id, kind, conflict.current), base, text)
    return _done(request, story_id, kind)


def _remove(request: HttpRequest, store: ContentStore, story_id: str, kind: Kind) -> HttpResponseBase:
    try:
        store.delete(story_id, kind.name, expected=version(number(request.POST.get("version", ""), "version")))
    except VersionMismatch as conflict:
        if conflict.current is not None:
            return _confirm(request, KindRow(story_id, kind, conflict.current), changed=True)
    return _done(request, story_id, kind)


def _undo(request: HttpRequest, store: ContentStore, story_id: str, kind: Kind) -> HttpResponseBase:
    removed = queries.revision(story_id, kind.name, number(request.POST.get("restore", ""), "restore"))
    if removed is None or removed.value is None:
        raise BadRequest("restore: this version has no value")
    try:
        store.write(story_id, kind.name, removed.value, expected=absent)
    except VersionMismatch as conflict:
        return _form(request, KindRow(story_id, kind, conflict.current), error=SET_AGAIN)
    except Invalid as error:
        return _form(request, kind_row(story_id, kind.name), text=removed.value, was=0, error=error.detail)
    return _done(request, story_id, kind)


def _increment(request: HttpRequest, store: ContentStore, story_id: str, kind: Kind) -> HttpResponseBase:
    try:
        store.increment(story_id, kind.name, number(request.POST.get("by", "1"), "by"))
    except (OutOfRange, Invalid):
        return _form(request, kind_row(story_id, kind.name), error=kind.codec.describe())
    return _done(request, story_id, kind)


Act = Callable[[HttpRequest, ContentStore, str, Kind], HttpResponseBase]
ACTS: Final[dict[str, Act]] = {"save": _save, "remove": _remove, "undo": _undo, "increment": _increment}


def _done(request: HttpRequest, story_id: str, kind: Kind) -> HttpResponseBase:
    items = queries.items(story_id)
    row = KindRow(story_id, kind, items.get(kind.name))
    if not is_fragment(request):
        return redirect(f"{row.story_url}#kind-{kind.name}" if row.is_set else row.removed_url)
    return page(request, "content/changed.jinja", {**story_context(request, story_id, items), "row": row})


def _confirm(request: HttpRequest, row: KindRow, *, changed: bool = False) -> HttpResponse:
    context = {"section": "content", "row": row, "changed": changed, "may_write": False}
    status = 409 if changed and not is_fragment(request) else 200
    return page_or_fragment(request, "content/confirm.jinja", context, status)


def _form(
    request: HttpRequest, row: KindRow, *, text: str | None = None, was: int | None = None, error: str = ""
) -> HttpResponse:
    context = {
        "section": "content",
        "row": row,
        "text": row.value if text is None else text,
        "version": row.version if was is None else was,
        "error": error,
    }
    # htmx swaps nothing on an error status.
    status = 422 if error and not is_fragment(request) else 200
    return page_or_fragment(request, "content/edit.jinja", context, status)


def _conflict(request: HttpRequest, theirs: KindRow, base: Item | None, text: str) -> HttpResponse:
    merged = _merged(theirs, base, text)
    start = base.value if base else None
    context = {
        "section": "content",
        "row": theirs,
        "base": base,
        "yours": text,
        "merged": merged is not None,
        "text": text if merged is None else merged,
        "version": theirs.version,
        "error": "",
        "their_diff": diffs.compare(start, theirs.item.value if theirs.item else None),
        "your_diff": diffs.compare(start, text),
    }
    status = 200 if is_fragment(request) else 409
    return page_or_fragment(request, "content/conflict.jinja", context, status)


# Both changes together, if they do not overlap and the kind allows the result.
def _merged(theirs: KindRow, base: Item | None, text: str) -> str | None:
    if base is None or base.value is None or not theirs.is_set:
        return None
    merged = merging.merge(base.value, text, theirs.value)
    if merged is None:
        return None
    merged = theirs.kind.codec.tidy(merged)
    try:
        theirs.kind.codec.parse(merged)
    except Invalid:
        return None
    return merged
