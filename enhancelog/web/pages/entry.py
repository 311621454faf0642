"""``/entries/<id>``, with its neighbors in the list that led to it."""

from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from msgspec import UNSET

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs
from enhancelog.domain import filter_box, records, strict_json
from enhancelog.domain.badges import JUDGED_DIFFERENTLY, REASONS_DIFFER, Badge, described_badges
from enhancelog.domain.errors import NotFound
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.records import Entry
from enhancelog.domain.telling_lines import shown_line
from enhancelog.queries import document_versions, entries, evidence, redacted, steadiness, unfinished_attempts
from enhancelog.queries.entries import Listed
from enhancelog.queries.observed import TriedPatch, observed_patch, stored_forms
from enhancelog.queries.patterns.of_entry import Alike, alike
from enhancelog.queries.threads import thread
from enhancelog.queries.unfinished_attempts import AtIntent
from enhancelog.store.database import last_position
from enhancelog.web import (
    changed_places,
    entry_panels,
    htmx,
    list_requests,
    notes_panel,
    redacted_marks,
    reviewing,
    thread_panel,
)
from enhancelog.web.folded_texts import Text, text
from enhancelog.web.list_requests import FilteredPage, ListRequest
from enhancelog.web.markdown import markdown
from enhancelog.web.meta_table import noted
from enhancelog.web.pages.comparison import comparison
from enhancelog.web.patches import of_operations, patch
from enhancelog.web.revalidation import revalidated
from enhancelog.web.reviewing import Reviewed
from enhancelog.web.thread_panel import Attempts

TITLE_CHARACTERS: Final = 200
SHOWN_VERDICTS: Final = 100
SHOWN_REASONS: Final = 100


class ShownVerdict(NamedTuple):
    """``alike``: the pattern of a denial, and its other denials. ``reviewed``: whether it was right."""

    axis: str
    status: str
    detail: Text
    alike: Alike | None
    reviewed: Reviewed | None


def _version(issue_id: str) -> tuple[int, ...]:
    return evidence.signed_up_to(), *entry_panels.version(issue_id)


@require_safe
@needs("log:read")
@revalidated(also=_version)
@list_requests.redirects_or_refuses
def entry_detail(request: HttpRequest, issue_id: str) -> HttpResponse:
    """htmx gets the earlier attempts. ``compare=ID`` adds another entry."""
    list_request = list_requests.read(request, FilteredPage(links.entry(issue_id), empty_id=True))
    try:
        listed = entries.get(issue_id)
    except NotFound:
        return htmx.page(request, "entry/unknown.jinja", {"issue_id": issue_id}, status=404)
    is_whole = not htmx.is_fragment(request) and not request.GET.get("compare")
    attempts = _attempts(listed, list_request.given, with_unfinished=is_whole)
    if htmx.is_fragment(request):
        return htmx.page_or_fragment(request, "entry/page.jinja", {"attempts": attempts})
    if other_id := request.GET.get("compare"):
        return comparison(request, listed, other_id, attempts)
    newest = last_position()
    context = {
        **_entry(request, listed),
        **_list_links(list_request, listed, newest),
        "by_hand": document_versions.by_hand(listed.blueprint_id, [listed.prev_hash] if listed.gap else []),
        "last_position": newest,
        "has_receipt": listed.position <= evidence.signed_up_to(),
        "attempts": attempts,
        "notes": notes_panel.panel(request, NoteSubject("entry", issue_id)),
        "panels": entry_panels.shown(request, issue_id),
        "section": "blueprints",
    }
    return htmx.page_or_fragment(request, "entry/page.jinja", context)


def _attempts(listed: Listed, given: filter_box.Pairs, *, with_unfinished: bool) -> Attempts | None:
    found = thread(listed.position)
    at_intent = unfinished_attempts.near(found) if found and with_unfinished else AtIntent([])
    return thread_panel.attempts(found, at_intent, listed, given)


def _entry(request: HttpRequest, listed: Listed) -> dict[str, Any]:
    entry = listed.entry
    title = shown_line(entry.intent, TITLE_CHARACTERS)
    badges = described_badges(entry, listed.recorded_ms, listed.recorded_source)
    again = steadiness.of_entry(listed.position)
    reasons = _differing_reasons(entry, badges)
    denied = list(records.denials(entry))
    return {
        "entry": entry,
        "listed": listed,
        "title": title,
        "intent": text(entry.intent) if title != entry.intent.strip() else None,
        "badges": [*badges, *([JUDGED_DIFFERENTLY] if again else []), *redacted_marks.badges(listed)],
        "may_redact": allows(request.user, "entries:redact"),
        "redacted_by": redacted.actors(listed) if allows(request.user, "entries:redact") else [],
        "again": again,
        "reasons": [text(reason) for reason in reasons[:SHOWN_REASONS]],
        "reasons_left_out": max(0, len(reasons) - SHOWN_REASONS),
        "verdicts": _denied_first(request, listed),
        "may_review": allows(request.user, "triage:write"),
        "verdicts_left_out": max(0, len(entry.verdicts) - SHOWN_VERDICTS),
        "rationale": markdown(entry.rationale),
        "denied": len(denied),
        "denied_by": denied,
        "judged": len(records.judged_axes(entry)),
        **tried(listed),
        "noted": noted(entry),
        "raw_url": links.api_entry(entry.issue_id),
    }


def _differing_reasons(entry: Entry, badges: list[Badge]) -> tuple[str, ...]:
    return tuple(entry.reasons) if any(badge.name == REASONS_DIFFER for badge in badges) else ()


def tried(listed: Listed) -> dict[str, Any]:
    """Its own patch and that of its host's store, and the documents before and after."""
    entry, told = listed.entry, observed_patch(listed)
    own = None if entry.candidate_hash is UNSET else entry.candidate_hash
    candidates = {} if own is None else {own: ""}
    if told is not None and told.candidate_hash is not None:
        candidates.setdefault(told.candidate_hash, told.source)
    hashes = {entry.prev_hash, entry.new_hash, *candidates} - {""}
    stored = stored_forms(sorted(hashes))
    after_hash = next((hash for hash in (entry.new_hash, *candidates) if hash in stored), "")
    has_ops = entry.ops is not UNSET or (told is not None and told.ops is not None)
    is_read = has_ops or after_hash
    before = changed_places.read_at(entry.prev_hash, stored) if is_read else changed_places.NOT_STORED
    return {
        **_patches(entry, told, before.value),
        "candidates": list(candidates.items()),
        "stored": stored,
        "after_hash": after_hash,
        "places": changed_places.places_at(before, after_hash, stored, entry.verdicts),
    }


def _patches(entry: Entry, told: TriedPatch | None, before: Any) -> dict[str, Any]:
    own = None if entry.ops is UNSET else bytes(entry.ops)
    ops = None if told is None else told.ops
    same = own is not None and ops is not None and strict_json.are_equal(own, ops.encode())
    observed = None
    if told is not None and ops is not None and not same:
        observed = of_operations(ops, told.bump or "", entry.verdicts, before)
    return {
        "patch": patch(entry, before),
        "observed": observed,
        "observed_source": "" if told is None else told.source,
        "is_same_patch": same,
        "patches_url": links.api_patches(entry.issue_id),
    }


def _denied_first(request: HttpRequest, listed: Listed) -> list[ShownVerdict]:
    verdicts = sorted(listed.entry.verdicts, key=lambda verdict: verdict.status != "deny")[:SHOWN_VERDICTS]
    denied = {verdict.axis for verdict in verdicts if verdict.status == "deny"}
    patterns, reviews = alike(listed.position, denied), reviewing.of_entry(request, listed, denied)
    shown = []
    for verdict in verdicts:
        # An axis that denied twice has one pattern and is reviewed once; both are shown with the first.
        is_denied = verdict.status == "deny"
        pattern = patterns.pop(verdict.axis, None) if is_denied else None
        review = reviews.pop(verdict.axis, None) if is_denied else None
        shown.append(ShownVerdict(verdict.axis, verdict.status, text(verdict.detail), pattern, review))
    return shown


def _list_links(list_request: ListRequest, listed: Listed, up_to: int) -> dict[str, Any]:
    newer, older = entries.neighbors(list_request.wanted, listed, up_to)
    blueprint_id = list_request.wanted.one("blueprint_id")
    others = tuple(pair for pair in list_request.given if pair[0] != "blueprint_id")
    return {
        "newer_url": links.entry(newer, list_request.given) if newer is not None else "",
        "older_url": links.entry(older, list_request.given) if older is not None else "",
        "list_text": filter_box.render(list_request.given) if others else "",
        "list_url": links.runs(list_request.given) if blueprint_id is None else links.blueprint(blueprint_id, others),
    }
