"""The row of a timeline, of which a page shows most: written out here, for the template engine takes several times as
long. Every text is escaped where it is put in.
"""

from functools import partial
from html import escape
from typing import Final

from enhancelog import links
from enhancelog.queries.entries import Listed
from enhancelog.templatetags.enhancelog import axis, hash_button, status, when
from enhancelog.web.fragments import (
    NO_INTENT,
    NO_REASON,
    QUERY,
    THREAD,
    Reasons,
    badges_of,
    first_line,
    reasons,
)


def row(listed: Listed, *, sourced: bool) -> str:
    """One entry; ``sourced`` says which source it is from."""
    entry = listed.entry
    rejected = entry.status == "rejected"
    intent = escape(first_line(entry.intent) or NO_INTENT)
    source = f'<span class="thread">from {escape(listed.source)}</span>' if sourced else ""
    return (
        f'<li class="{entry.status}" id="e{listed.position}" data-row>\n'
        f'<span class="when">{when(entry.ts_ms, listed.recorded_ms, "clock")}</span><span class="node"></span>\n'
        f'<div class="what"><div class="t">{status(entry.status)}'
        f'<a href="{escape(links.entry(entry.issue_id))}{QUERY}" dir="auto">{intent}</a>'
        f"{source}{THREAD if rejected else ''}{badges_of(listed)}</div>\n"
        f"{_why(reasons(entry)) if rejected else THREAD}</div>\n"
        f'<span class="ver">{hash_button(entry.new_hash) if entry.new_hash else ""}</span></li>\n'
    )


def _why(why: Reasons) -> str:
    said = [
        f'<div class="why">{f"{axis(reason.axis)} " if reason.axis else ""}'
        f'<span dir="auto">{escape(first_line(reason.text) or NO_REASON)}</span></div>'
        for reason in why.shown
    ]
    if why.more:
        said.append(f'<div class="why">and {why.more:,} more</div>')
    return "".join(said)


PLAIN: Final = partial(row, sourced=False)
SOURCED: Final = partial(row, sourced=True)
