"""The rows of Search and of the rejections, of which a page shows most: written out here, for the template engine takes
several times as long. Every text is escaped where it is put in.
"""

from collections.abc import Sequence
from html import escape

from enhancelog import links
from enhancelog.domain.records import Entry
from enhancelog.domain.search_words import Phrase
from enhancelog.queries.entries import Listed
from enhancelog.templatetags.enhancelog import axis, status, when
from enhancelog.web import highlights
from enhancelog.web.fragments import (
    NO_INTENT,
    NO_REASON,
    QUERY,
    THREAD,
    Why,
    badges_of,
    first_line,
    reasons,
)


def entry(listed: Listed) -> str:
    """An entry of any status."""
    record = listed.entry
    said = [Why(reason.axis, escape(reason.text)) for reason in _reasons(record)]
    return _entry(listed, escape(first_line(record.intent)), said)


def found(listed: Listed, phrases: Sequence[Phrase]) -> str:
    """An entry with what was searched for marked; where what the row shows holds none of it, with an excerpt of what
    does."""
    record = listed.entry
    intent = highlights.marked(first_line(record.intent), phrases)
    said = [Why(reason.axis, highlights.marked(reason.text, phrases)) for reason in _reasons(record)]
    is_shown = any("<mark>" in text for text in (intent, *(reason.text for reason in said)))
    return _entry(listed, intent, said, "" if is_shown else _excerpt(record, phrases))


def rejection(listed: Listed) -> str:
    """A rejected entry: why, then what was wanted."""
    record = listed.entry
    link = f'<a href="{escape(links.entry(record.issue_id))}{QUERY}"'
    said = _reasons(record)
    lines = [f'<div class="reason">{link}>no reason recorded</a></div>'] if not said else []
    for number, reason in enumerate(said):
        begin, end = ("<span", "</span>") if number else (link, "</a>")
        text = escape(reason.text or NO_REASON)
        lines.append(f'<div class="reason">{_axis(reason)}{begin} dir="auto">{text}{end}</div>')
    intent = escape(first_line(record.intent) or NO_INTENT)
    return (
        f'<tr id="e{listed.position}" data-row><td>{"".join(lines)}{_unsaid(record, "small soft")}\n'
        f'<div class="small soft reason"><span dir="auto">{intent}</span> {THREAD} {badges_of(listed)}</div></td>\n'
        f"{_where_and_when(listed)}"
    )


def _entry(listed: Listed, intent: str, said: Sequence[Why], excerpt: str = "") -> str:
    """``intent`` and the texts of ``said`` are escaped already."""
    record = listed.entry
    why = ""
    if record.status == "rejected":
        lines = [
            f'<div class="small soft reason">{_axis(reason)}<span dir="auto">{reason.text or NO_REASON}</span></div>'
            for reason in said
        ]
        why = f"{''.join(lines)}{_unsaid(record, 'small soft reason')}"
    return (
        f'<tr id="e{listed.position}" data-row><td><div class="reason">{status(record.status)} '
        f'<a href="{escape(links.entry(record.issue_id))}{QUERY}" dir="auto">{intent or NO_INTENT}</a> '
        f"{THREAD} {badges_of(listed)}</div>\n"
        f"{why}{excerpt}</td>\n"
        f"{_where_and_when(listed)}"
    )


def _reasons(record: Entry) -> list[Why]:
    return [Why(reason.axis, first_line(reason.text)) for reason in reasons(record).shown]


def _unsaid(record: Entry, style: str) -> str:
    more = reasons(record).more
    return f'<div class="{style}">and {more:,} more</div>' if more else ""


def _axis(reason: Why) -> str:
    return f"{axis(reason.axis)} " if reason.axis else ""


def _excerpt(record: Entry, phrases: Sequence[Phrase]) -> str:
    excerpt = highlights.excerpt(record, phrases)
    if excerpt is None:
        return ""
    of = f' of <span class="mono">{escape(excerpt.axis)}</span>' if excerpt.axis else ""
    return f'<div class="small soft reason">{escape(excerpt.field)}{of}: <span dir="auto">{excerpt.text}</span></div>'


def _where_and_when(listed: Listed) -> str:
    blueprint_id = listed.entry.blueprint_id
    return (
        f'<td class="mono small"><a class="name two-lines" href="{escape(links.blueprint(blueprint_id))}">'
        f"{escape(blueprint_id or '(no name)')}</a></td>\n"
        f'<td class="num soft small">{when(listed.entry.ts_ms, listed.recorded_ms)}</td></tr>\n'
    )
