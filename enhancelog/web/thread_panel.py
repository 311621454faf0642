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
    """``said``: the reason, or when it was applied the rationale. ``compare``: with the entry whose page this is."""

    number: Count
    listed: Listed
    denied: Sequence[str]
    said: str
    url: str
    compare: str
    is_current: bool


class Attempts(NamedTuple):
    """What an entry's page knows of its thread."""

    thread: Thread
    attempts: Sequence[Attempt]

    @property
    def earlier(self) -> Sequence[Attempt]:
        """Those before the entry."""
        return self.attempts[: [attempt.is_current for attempt in self.attempts].index(True)]

    @property
    def compare_with_passed(self) -> str:
        """To compare a rejected entry with the one that passed; empty where none did."""
        last = self.attempts[-1]
        return last.compare if last.listed.status == "applied" else ""


def attempts(thread: Thread | None, current: Listed, given: Pairs) -> Attempts | None:
    """``given``: the filter that links keep."""
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
