"""Entries as rows of lists."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from enhancelog import links
from enhancelog.domain.badges import Badge, described_badges
from enhancelog.domain.records import Entry
from enhancelog.domain.telling_lines import shown_line
from enhancelog.queries.entries import Listed
from enhancelog.queries.threads import Try, tries
from enhancelog.web import redacted_marks
from enhancelog.web.jinja import TimeText, time_text

SHOWN_REASONS: Final = 6


class Reason(NamedTuple):
    """``axis`` is empty if no verdict has this reason."""

    axis: str
    text: str


class Reasons(NamedTuple):
    shown: Sequence[Reason]
    more: int


class Summary(NamedTuple):
    """``time`` is ``None`` if ``ts_ms`` is not plausible. Applied entries have no reasons."""

    element_id: str
    status: str
    intent: str
    url: str
    blueprint_id: str
    source: str
    ts_ms: int
    time: TimeText | None
    prev_hash: str
    new_hash: str
    reasons: Reasons
    badges: Sequence[Badge]

    @property
    def blueprint_url(self) -> str:
        return links.blueprint(self.blueprint_id)


@dataclass(frozen=True)
class EntryRow:
    """``place``: among tries at the same intent, if there are several."""

    listed: Listed
    place: Try | None

    @cached_property
    def entry(self) -> Summary:
        return summary(self.listed)

    @property
    def key(self) -> Hashable:
        """Equal for rows that look alike."""
        listed = self.listed
        return listed.position, listed.version, listed.recorded_ms, listed.source, self.place


_NO_REASONS: Final = Reasons((), 0)


def entry_rows(entries: Sequence[Listed], up_to: int) -> list[EntryRow]:
    """Ignores attempts after position ``up_to``."""
    places = tries((listed.position for listed in entries), up_to)
    return [EntryRow(each, places.get(each.position)) for each in entries]


def summary(listed: Listed) -> Summary:
    entry = listed.entry
    return Summary(
        element_id=f"e{listed.position}",
        status=entry.status,
        intent=shown_line(entry.intent),
        url=links.entry(entry.issue_id),
        blueprint_id=entry.blueprint_id,
        source=listed.source,
        ts_ms=entry.ts_ms,
        time=time_text(entry.ts_ms, listed.recorded_ms),
        prev_hash=entry.prev_hash,
        new_hash=entry.new_hash,
        reasons=reasons(entry) if entry.status == "rejected" else _NO_REASONS,
        badges=[*described_badges(entry, listed.recorded_ms, listed.recorded_source), *redacted_marks.badges(listed)],
    )


def reasons(entry: Entry) -> Reasons:
    """The lines that stand for the denials, or of the reasons if there are none."""
    # An entry can have hundreds of thousands.
    denied = [verdict for verdict in entry.verdicts if verdict.status == "deny"]
    if denied:
        shown = [Reason(verdict.axis, shown_line(verdict.detail)) for verdict in denied[:SHOWN_REASONS]]
    else:
        shown = [Reason("", shown_line(text)) for text in entry.reasons[:SHOWN_REASONS]]
    return Reasons(shown, len(denied or entry.reasons) - len(shown))
