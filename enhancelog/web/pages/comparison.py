"""Two entries side by side, the earlier first."""

from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from msgspec import UNSET

from enhancelog import links
from enhancelog.domain.diffs import Diff, compare
from enhancelog.domain.errors import NotFound
from enhancelog.domain.records import Entry, Verdict
from enhancelog.domain.telling_lines import shown_line
from enhancelog.queries import entries
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Listed
from enhancelog.web import htmx, meta_table
from enhancelog.web.changed_words import SegmentedLine, with_changed_words
from enhancelog.web.folded_texts import Text, text
from enhancelog.web.patches import as_text
from enhancelog.web.thread_panel import Attempts

COMPARED_CHARACTERS: Final = 40_000  # of each text

SHOWN_AXES: Final = 100


class Side(NamedTuple):
    """``number``: of the attempt, if both entries are in one thread."""

    listed: Listed
    title: str
    url: str
    raw_url: str
    number: Count | None


class SideVerdict(NamedTuple):
    """``status`` is empty if the axis did not judge this entry."""

    status: str
    detail: Text


class AxisRow(NamedTuple):
    axis: str
    verdicts: tuple[SideVerdict, SideVerdict]

    @property
    def is_same(self) -> bool:
        return self.verdicts[0].status == self.verdicts[1].status


class ComparedText(NamedTuple):
    """``absent``: the sides without this text, in words. ``cut``: only the beginnings were compared. ``is_prose``: its
    lines wrap."""

    title: str
    diff: Diff
    lines: list[SegmentedLine]
    cut: bool
    absent: str = ""
    is_prose: bool = False


def comparison(request: HttpRequest, listed: Listed, other_id: str, attempts: Attempts | None) -> HttpResponse:
    """``attempts``: the thread of ``listed``."""
    if other_id == listed.issue_id:
        return HttpResponseRedirect(links.entry(other_id))
    try:
        other = entries.get(other_id)
    except NotFound:
        return htmx.page(request, "entry/unknown.jinja", {"issue_id": other_id}, status=404)
    earlier, later = sorted((listed, other), key=lambda one: (one.ts_ms, one.position))
    numbers = {attempt.listed.position: attempt.number for attempt in attempts.shown} if attempts else {}
    axes, axes_left_out = _axis_rows(earlier.entry, later.entry)
    context = {
        "sides": [_side(one, numbers if other.position in numbers else {}) for one in (earlier, later)],
        "axes": axes,
        "axes_left_out": axes_left_out,
        "texts": [
            _compared("Intent", earlier.entry.intent, later.entry.intent, is_prose=True),
            _compared("Rationale", earlier.entry.rationale, later.entry.rationale, is_prose=True),
            _patches(earlier.entry, later.entry),
            *_metas(earlier.entry, later.entry),
        ],
        "section": "blueprints",
    }
    return htmx.page(request, "comparison/page.jinja", context)


def _side(listed: Listed, numbers: dict[int, Count]) -> Side:
    title = shown_line(listed.entry.intent)
    url, raw_url = links.entry(listed.issue_id), links.api_entry(listed.issue_id)
    return Side(listed, title, url, raw_url, numbers.get(listed.position))


def _axis_rows(earlier: Entry, later: Entry) -> tuple[list[AxisRow], int]:
    """Also the number left out."""
    before, after = _by_axis(earlier), _by_axis(later)
    axes = list(dict.fromkeys((*before, *after)))
    axes.sort(key=lambda axis: _status(before.get(axis)) == _status(after.get(axis)))
    shown = [AxisRow(axis, (_verdict(before.get(axis)), _verdict(after.get(axis)))) for axis in axes[:SHOWN_AXES]]
    return shown, len(axes) - len(shown)


def _by_axis(entry: Entry) -> dict[str, Verdict]:
    # The first denial counts, else the first verdict.
    found: dict[str, Verdict] = {}
    for verdict in entry.verdicts:
        known = found.setdefault(verdict.axis, verdict)
        if known.status != "deny" and verdict.status == "deny":
            found[verdict.axis] = verdict
    return found


def _status(verdict: Verdict | None) -> str:
    return "" if verdict is None else verdict.status


def _verdict(verdict: Verdict | None) -> SideVerdict:
    return SideVerdict("", text("")) if verdict is None else SideVerdict(verdict.status, text(verdict.detail))


def _patches(earlier: Entry, later: Entry) -> ComparedText:
    missing = [name for name, entry in (("first", earlier), ("second", later)) if entry.ops is UNSET]
    if missing:
        absent = "either" if len(missing) == 2 else f"the {missing[0]}"
        return ComparedText("Patch", compare("", ""), [], cut=False, absent=absent)
    return _compared("Patch", as_text(earlier), as_text(later))


def _metas(earlier: Entry, later: Entry) -> list[ComparedText]:
    if earlier.meta is UNSET and later.meta is UNSET:
        return []
    return [_compared("Meta", meta_table.as_text(earlier), meta_table.as_text(later))]


def _compared(title: str, earlier: str, later: str, *, is_prose: bool = False) -> ComparedText:
    diff = compare(earlier[:COMPARED_CHARACTERS], later[:COMPARED_CHARACTERS])
    cut = max(len(earlier), len(later)) > COMPARED_CHARACTERS
    return ComparedText(title, diff, with_changed_words(diff.lines), cut, is_prose=is_prose)
