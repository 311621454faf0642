"""The attempts of a thread, on the page of an entry or of an unfinished run."""

from collections.abc import Sequence
from typing import NamedTuple

from enhancelog import links
from enhancelog.domain import causes
from enhancelog.domain.filter_box import Pairs
from enhancelog.domain.records import denials
from enhancelog.domain.telling_lines import shown_line
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Listed
from enhancelog.queries.threads import Thread
from enhancelog.queries.unfinished import UnfinishedRun
from enhancelog.queries.unfinished_attempts import AtIntent, Place, place
from enhancelog.web.entry_rows import reasons


class Attempt(NamedTuple):
    """``intent``: only if it is worded otherwise than that of the page's run. ``summary``: a reason or the rationale.
    ``compare_url``: with the page's entry, if it has one.
    """

    number: Count
    listed: Listed
    intent: str
    denied: Sequence[str]
    summary: str
    url: str
    compare_url: str
    is_current: bool


class Unfinished(NamedTuple):
    """A run without an entry, so without a number."""

    run: UnfinishedRun
    intent: str
    cause: str
    summary: str
    url: str
    is_current: bool


class Step(NamedTuple):
    """One of the two."""

    attempt: Attempt | None
    unfinished: Unfinished | None


class Attempts(NamedTuple):
    """In time order; ``steps`` have the unfinished runs too."""

    thread: Thread
    shown: Sequence[Attempt]
    steps: Sequence[Step]
    has_more_unfinished: bool

    @property
    def earlier(self) -> Sequence[Attempt]:
        return self.shown[: [attempt.is_current for attempt in self.shown].index(True)]

    @property
    def compare_with_applied_url(self) -> str:
        """Empty if no attempt was applied."""
        last = self.shown[-1]
        return last.compare_url if last.listed.status == "applied" else ""


def attempts(thread: Thread | None, at_intent: AtIntent, current: Listed, given: Pairs) -> Attempts | None:
    """``None`` if nothing else was tried. Links keep the filter ``given``."""
    if thread is None or (len(thread.attempts) == 1 and not at_intent.runs):
        return None
    shown = [_attempt(number, listed, current.entry.intent, current, given) for number, listed in thread.attempts]
    return _attempts(thread, shown, at_intent, current.entry.intent)


def attempts_beside(thread: Thread, at_intent: AtIntent, current: UnfinishedRun) -> Attempts:
    shown = [_attempt(number, listed, current.intent) for number, listed in thread.attempts]
    return _attempts(thread, shown, at_intent, current.intent, current)


def _attempts(
    thread: Thread,
    shown: Sequence[Attempt],
    at_intent: AtIntent,
    intent: str,
    current: UnfinishedRun | None = None,
) -> Attempts:
    steps: list[tuple[Place, Step]] = [((attempt.listed.ts_ms, 0), Step(attempt, None)) for attempt in shown]
    steps += [(place(run), Step(None, _unfinished(run, intent, current))) for run in at_intent.runs]
    steps.sort(key=lambda step: step[0])
    return Attempts(thread, shown, [step for _, step in steps], at_intent.has_more)


def _attempt(number: Count, listed: Listed, intent: str, current: Listed | None = None, given: Pairs = ()) -> Attempt:
    entry = listed.entry
    why = reasons(entry).shown if entry.status == "rejected" else ()
    return Attempt(
        number,
        listed,
        _differing(entry.intent, intent),
        list(denials(entry)) if entry.status == "rejected" else (),
        shown_line(entry.rationale if entry.status == "applied" else why[0].text if why else ""),
        links.entry(entry.issue_id, given),
        links.comparison(current.issue_id, entry.issue_id) if current else "",
        current is not None and listed.position == current.position,
    )


def _unfinished(run: UnfinishedRun, intent: str, current: UnfinishedRun | None) -> Unfinished:
    return Unfinished(
        run,
        _differing(run.intent, intent),
        causes.MEANINGS[run.cause].name,
        shown_line(causes.failure(run.reason)),
        links.unfinished_run(run.issue_id),
        current is not None and (run.source, run.issue_id) == (current.source, current.issue_id),
    )


def _differing(intent: str, of_page: str) -> str:
    return shown_line(intent) if intent.strip() != of_page.strip() else ""
