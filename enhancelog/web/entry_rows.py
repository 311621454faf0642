"""Entries as rows of lists: texts and links."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.domain.badges import Badge, described_badges
from enhancelog.domain.records import Entry
from enhancelog.domain.text import first_line
from enhancelog.queries.entries import Listed
from enhancelog.queries.threads import Try, tries

SHOWN_REASONS: Final = 6


class Reason(NamedTuple):
    """``axis`` is empty if no verdict has this reason."""

    axis: str
    text: str


class Reasons(NamedTuple):
    shown: Sequence[Reason]
    more: int


class EntryRow(NamedTuple):
    """Times are epoch ms. ``url`` keeps the list's filter, ``entry_url`` does not."""

    element_id: str
    status: str
    intent: str
    url: str
    entry_url: str
    blueprint_id: str
    blueprint_url: str
    source: str
    ts_ms: int
    recorded_ms: int
    prev_hash: str
    new_hash: str
    reasons: Reasons
    badges: Sequence[Badge]
    place: Try | None


NO_REASONS: Final = Reasons((), 0)


def entry_rows(entries: Sequence[Listed], up_to: int, query: str) -> list[EntryRow]:
    """Ignores attempts after position ``up_to``."""
    places = tries((listed.position for listed in entries), up_to)
    return [entry_row(listed, query, places.get(listed.position)) for listed in entries]


def entry_row(listed: Listed, query: str, place: Try | None) -> EntryRow:
    entry = listed.entry
    entry_url = links.entry(entry.issue_id)
    return EntryRow(
        element_id=f"e{listed.position}",
        status=entry.status,
        intent=first_line(entry.intent),
        url=entry_url + query,
        entry_url=entry_url,
        blueprint_id=entry.blueprint_id,
        blueprint_url=links.blueprint(entry.blueprint_id),
        source=listed.source,
        ts_ms=entry.ts_ms,
        recorded_ms=listed.recorded_ms,
        prev_hash=entry.prev_hash,
        new_hash=entry.new_hash,
        reasons=reasons(entry) if entry.status == "rejected" else NO_REASONS,
        badges=described_badges(entry, listed.recorded_ms),
        place=place,
    )


def reasons(entry: Entry) -> Reasons:
    """First lines of the denials, or of the reasons if there are none."""
    denied = [Reason(verdict.axis, verdict.detail) for verdict in entry.verdicts if verdict.status == "deny"]
    found = denied or [Reason("", text) for text in entry.reasons]
    shown = [Reason(axis, first_line(text)) for axis, text in found[:SHOWN_REASONS]]
    return Reasons(shown, len(found) - len(shown))
