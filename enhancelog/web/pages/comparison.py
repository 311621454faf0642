"""Two entries side by side, the earlier first: what was wanted, why, what each axis said, what was changed."""

from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from msgspec import UNSET

from enhancelog import links
from enhancelog.domain.diffs import Diff, compare
from enhancelog.domain.errors import NotFound
from enhancelog.domain.records import Entry, Verdict
from enhancelog.domain.text import first_line
from enhancelog.queries import entries
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Listed
from enhancelog.web.changed_words import with_marked_words
from enhancelog.web.htmx import private
from enhancelog.web.patches import as_text
from enhancelog.web.texts import Text, text
from enhancelog.web.thread_panel import Attempts

MOST_CHARACTERS: Final = 40_000
"""Of each text that are compared."""

MOST_AXES: Final = 100


class Side(NamedTuple):
    """``number``: which try it is of a thread that both are part of."""

    listed: Listed
    title: str
    url: str
    raw: str
    number: Count | None


class Said(NamedTuple):
    """What an axis said of one entry; no ``status`` where it did not judge."""

    status: str
    detail: Text


class Judged(NamedTuple):
    axis: str
    sides: tuple[Said, Said]

    @property
    def is_same(self) -> bool:
        return self.sides[0].status == self.sides[1].status


class Compared(NamedTuple):
    """``cut``: the texts are longer than what was compared. ``absent``: which of them there are none of."""

    title: str
    diff: Diff
    cut: bool
    absent: str = ""

    @property
    def is_prose(self) -> bool:
        return self.title != "Patch"


def comparison(request: HttpRequest, listed: Listed, other_id: str, tried: Attempts | None) -> HttpResponse:
    """The page of both; ``tried``: the attempts at the wish of the first."""
    if other_id == listed.issue_id:
        return HttpResponseRedirect(links.entry(other_id))
    try:
        other = entries.get(other_id)
    except NotFound:
        return private(render(request, "enhancelog/entry_unknown.html", {"issue_id": other_id}, status=404))
    earlier, later = sorted((listed, other), key=lambda one: (one.ts_ms, one.position))
    numbers = {attempt.listed.position: attempt.number for attempt in tried.attempts} if tried else {}
    judged, axes_left_out = _judged(earlier.entry, later.entry)
    context = {
        "sides": [_side(one, numbers if other.position in numbers else {}) for one in (earlier, later)],
        "judged": judged,
        "axes_left_out": axes_left_out,
        "compared": [
            _compared("Intent", earlier.entry.intent, later.entry.intent),
            _compared("Rationale", earlier.entry.rationale, later.entry.rationale),
            _patches(earlier.entry, later.entry),
        ],
        "section": "blueprints",
    }
    return private(render(request, "enhancelog/entry_comparison.html", context))


def _side(listed: Listed, numbers: dict[int, Count]) -> Side:
    title = first_line(listed.entry.intent)
    url, raw = links.entry(listed.issue_id), links.api_entry(listed.issue_id)
    return Side(listed, title, url, raw, numbers.get(listed.position))


def _judged(earlier: Entry, later: Entry) -> tuple[list[Judged], int]:
    """The first axes that judged either, in axis order, and how many more there are; those that differ come first."""
    before, after = _by_axis(earlier), _by_axis(later)
    axes = list(dict.fromkeys((*before, *after)))
    axes.sort(key=lambda axis: _status(before.get(axis)) == _status(after.get(axis)))
    shown = [Judged(axis, (_said(before.get(axis)), _said(after.get(axis)))) for axis in axes[:MOST_AXES]]
    return shown, len(axes) - len(shown)


def _by_axis(entry: Entry) -> dict[str, Verdict]:
    """The verdict of each axis: its first, or its first denial if it judged more than once."""
    found: dict[str, Verdict] = {}
    for verdict in entry.verdicts:
        known = found.setdefault(verdict.axis, verdict)
        if known.status != "deny" and verdict.status == "deny":
            found[verdict.axis] = verdict
    return found


def _status(verdict: Verdict | None) -> str:
    return "" if verdict is None else verdict.status


def _said(verdict: Verdict | None) -> Said:
    return Said("", text("")) if verdict is None else Said(verdict.status, text(verdict.detail))


def _patches(earlier: Entry, later: Entry) -> Compared:
    missing = [name for name, entry in (("first", earlier), ("second", later)) if entry.ops is UNSET]
    if missing:
        absent = "either" if len(missing) == 2 else f"the {missing[0]}"
        return Compared("Patch", compare("", ""), cut=False, absent=absent)
    return _compared("Patch", as_text(earlier), as_text(later))


def _compared(title: str, earlier: str, later: str) -> Compared:
    diff = compare(earlier[:MOST_CHARACTERS], later[:MOST_CHARACTERS])
    cut = max(len(earlier), len(later)) > MOST_CHARACTERS
    return Compared(title, diff._replace(lines=with_marked_words(diff.lines)), cut)
