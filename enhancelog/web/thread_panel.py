"""The attempts at one wish, as the page of an entry shows them."""

from collections.abc import Sequence
from typing import NamedTuple

from enhancelog import links
from enhancelog.domain.filter_box import Pairs
from enhancelog.domain.records import denials
from enhancelog.domain.text import first_line
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Listed
from enhancelog.queries.threads import Thread
from enhancelog.web.entry_rows import reasons


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
