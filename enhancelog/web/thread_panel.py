"""The attempts of a thread on an entry's page."""

from collections.abc import Sequence
from typing import NamedTuple

from enhancelog import links
from enhancelog.domain.filter_box import Pairs
from enhancelog.domain.records import denials
from enhancelog.domain.telling_lines import shown_line
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Listed
from enhancelog.queries.threads import Thread
from enhancelog.web.entry_rows import reasons


class Attempt(NamedTuple):
    """``summary``: a reason or the rationale. ``compare_url``: with the page's entry."""

    number: Count
    listed: Listed
    denied: Sequence[str]
    summary: str
    url: str
    compare_url: str
    is_current: bool


class Attempts(NamedTuple):
    """In time order."""

    thread: Thread
    shown: Sequence[Attempt]

    @property
    def earlier(self) -> Sequence[Attempt]:
        return self.shown[: [attempt.is_current for attempt in self.shown].index(True)]

    @property
    def compare_with_applied_url(self) -> str:
        """Empty if no attempt was applied."""
        last = self.shown[-1]
        return last.compare_url if last.listed.status == "applied" else ""


def attempts(thread: Thread | None, current: Listed, given: Pairs) -> Attempts | None:
    """Links keep the filter ``given``."""
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
        shown_line(entry.rationale if entry.status == "applied" else why[0].text if why else ""),
        links.entry(entry.issue_id, given),
        links.comparison(current.issue_id, entry.issue_id),
        listed.position == current.position,
    )
