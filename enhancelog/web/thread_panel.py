"""Retry threads as pages show them: which try a row is, and the attempts at one wish."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString

from enhancelog import links
from enhancelog.domain.filter_box import Pairs
from enhancelog.domain.records import denials
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Listed
from enhancelog.queries.threads import Thread, Try
from enhancelog.web.fragments import first_line, reasons

ATTEMPTS: Final = "attempts"
"""Where on an entry's page the attempts are."""


class Attempt(NamedTuple):
    """``summary``: why it was rejected, or the rationale of an applied run. ``compare_url``: with the page's entry."""

    number: Count
    listed: Listed
    denied: Sequence[str]
    summary: str
    url: str
    compare_url: str
    is_current: bool


class Attempts(NamedTuple):
    """The attempts of a thread that a page shows, in the order of time."""

    thread: Thread
    shown: Sequence[Attempt]

    @property
    def earlier(self) -> Sequence[Attempt]:
        """Those before the page's entry."""
        return self.shown[: [attempt.is_current for attempt in self.shown].index(True)]

    @property
    def compare_with_applied_url(self) -> str:
        """Empty if no attempt was applied."""
        last = self.shown[-1]
        return last.compare_url if last.listed.status == "applied" else ""


def attempts(thread: Thread | None, current: Listed, given: Pairs) -> Attempts | None:
    """The attempts of the thread of ``current``. Links keep the filter ``given``."""
    if thread is None:
        return None
    shown = [_attempt(number, listed, current, given) for number, listed in thread.attempts]
    return Attempts(thread, shown)


def _attempt(number: Count, listed: Listed, current: Listed, given: Pairs) -> Attempt:
    entry = listed.entry
    why = reasons(entry).shown
    return Attempt(
        number,
        listed,
        list(denials(entry)) if entry.status == "rejected" else (),
        first_line(entry.rationale if entry.status == "applied" else why[0].text if why else ""),
        links.entry(entry.issue_id, given),
        links.comparison(current.issue_id, entry.issue_id),
        listed.position == current.position,
    )


def which_try(place: Try | None, listed: Listed, query: str, before: str = "") -> SafeString:
    """``try 1 of 3``, a link to the attempts on the entry's page; nothing for a single one."""
    if place is None:
        return SafeString()
    url = f"{links.entry(listed.issue_id)}{query}#{ATTEMPTS}"
    return format_html('{}<a class="thread" href="{}">try {} of {}</a>', before, url, place.number, place.of)


def in_list(place: Try | None, listed: Listed, query: str) -> SafeString:
    """At the end of the line that says what was wanted."""
    return which_try(place, listed, query, before="· ")


def on_timeline(place: Try | None, listed: Listed, query: str) -> SafeString:
    """Which try a rejected run was; beneath an applied one the attempts before it, fetched when they are opened."""
    if place is None or listed.status == "rejected":
        return which_try(place, listed, query)
    rejections = Count(place.number.number - 1, place.number.capped)
    return format_html(
        '<details class="tried"><summary class="small soft">after {} rejection{}{}{}</summary>'
        '<div class="small" hx-get="{}" hx-trigger="toggle from:closest details once">'
        '<a class="link" href="{}{}#{}">Attempts at this wish</a></div></details>',
        rejections,
        "" if rejections == Count(1) else "s",
        ": " if place.denied else "",
        ", ".join(place.denied),
        links.entry(listed.issue_id),
        links.entry(listed.issue_id),
        query,
        ATTEMPTS,
    )
