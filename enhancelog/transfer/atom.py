"""Atom feeds (RFC 4287) of entries. Long texts are cut."""

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from enhancelog import links
from enhancelog.domain import records
from enhancelog.domain.records import Entry
from enhancelog.domain.telling_lines import telling_line
from enhancelog.domain.terminal import without_terminal_codes
from enhancelog.domain.text import cut
from enhancelog.domain.times import as_datetime
from enhancelog.queries.entries import Listed

CONTENT_TYPE: Final = Atom1Feed.content_type

_TITLE: Final = 200
_TEXT: Final = 1_000
_VERDICTS: Final = 10
# The name space of entries
_ENTRIES: Final = uuid.UUID("5b0c2f0e-7d0e-4a52-9c52-3c9b1e4d8a61")
# Characters that XML forbids; they become U+FFFD
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NEVER: Final = datetime.fromtimestamp(0, UTC)


class About(NamedTuple):
    """Both addresses are absolute; ``page`` is the HTML list."""

    title: str
    url: str
    page: str


def feed(about: About, entries: Sequence[Listed], origin: str) -> bytes:
    """``entries`` are newest first. Links start with ``origin``."""
    made = _Feed(
        title=_legal(about.title),
        link=about.page,
        description=None,
        language="en",
        author_name="Enhancelog",
        feed_url=about.url,
        feed_guid=f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, about.url)}",
    )
    for listed in entries:
        entry = listed.entry
        made.add_item(
            title=_legal(cut(f"{entry.status}: {telling_line(entry.intent, _TITLE) or '(no intent)'}", _TITLE)),
            link=origin + links.entry(entry.issue_id),
            description=_legal(_summary(listed)),
            pubdate=as_datetime(entry.ts_ms, listed.recorded_ms),
            updateddate=_updated(listed),
            unique_id=f"urn:uuid:{_id(entry)}",
            categories=[_legal(term) for term in (entry.status, *list(records.denials(entry))[:_VERDICTS])],
        )
    return made.writeString("utf-8").encode()


class _Feed(Atom1Feed):
    def latest_post_date(self) -> datetime:
        # Not the run's own time: a run may claim any.
        return max((item["updateddate"] for item in self.items), default=_NEVER)


# Of what a redaction leaves as it is; neither the server's address nor the place in its log is part of it.
def _id(entry: Entry) -> uuid.UUID:
    return uuid.uuid5(_ENTRIES, f"{entry.ts_ms} {entry.issue_id}")


def _summary(listed: Listed) -> SafeString:
    entry = listed.entry
    denied = list(records.denials(entry).items())[:_VERDICTS]
    return format_html(
        "<p>{} <code>{}</code></p>{}{}{}{}",
        entry.status,
        entry.blueprint_id or "(no name)",
        _paragraph("; ".join(f"Redacted: {', '.join(one.fields)} ({one.why})" for one in listed.redactions)),
        format_html_join("", "<p><b>{}</b> {}</p>", ((axis, _beginning(reason)) for axis, reason in denied)),
        _paragraph(entry.intent if telling_line(entry.intent, _TITLE) != entry.intent else ""),
        _paragraph(entry.rationale),
    )


def _paragraph(text: str) -> SafeString:
    return format_html("<p>{}</p>", _beginning(text)) if text else SafeString()


def _beginning(text: str) -> str:
    return cut(without_terminal_codes(text), _TEXT)


def _updated(listed: Listed) -> datetime:
    times = [listed.recorded_ms, *(one.redacted_ms for one in listed.redactions)]
    return datetime.fromtimestamp(max(times) / 1000, UTC)


def _legal(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
