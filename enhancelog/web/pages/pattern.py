"""``/patterns/<id>``. The id of a joined template redirects to its pattern."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import Truncator
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs
from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.pattern_states import PatternState
from enhancelog.domain.times import DAY_MS, day_of, now_ms
from enhancelog.queries import prompts
from enhancelog.queries.charts import days_before
from enhancelog.queries.pattern_states import history, states_of
from enhancelog.queries.patterns import detail
from enhancelog.queries.patterns.came_next import came_next
from enhancelog.queries.patterns.counted import Times
from enhancelog.queries.patterns.detail import Known, Member
from enhancelog.queries.patterns.ranking import SPARK_DAYS, daily
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.web import charts, notes_panel, periods
from enhancelog.web.folded_texts import text
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.pattern_evidence import LOOKED_AT, applied_instead, by_blueprint, denial_row, outcomes
from enhancelog.web.pattern_state_form import CAUSE_LABELS
from enhancelog.web.revalidation import revalidated
from enhancelog.web.ticks import ticks

DENIALS: Final = 10
MEMBERS: Final = 50
VALUES: Final = 5  # values of a hole; the others are counted together
TEMPLATES: Final = 5  # templates of a manual split or merge
TITLE_CHARACTERS: Final = 80


class HoleRow(NamedTuple):
    """``others``: uses of values that are not shown. ``median`` and ``span`` are of numbers."""

    nth: str
    kind: str
    rule: str
    values: Sequence[tuple[str, int]]
    others: int
    median: str
    span: str


class DayRow(NamedTuple):
    label: str
    number: int
    url: str


class ChangeRow(NamedTuple):
    id: int
    kind: str
    templates: Sequence[str]
    left_out: int
    made_by: str
    made_ms: int
    undone_by: str | None
    undone_ms: int | None


@require_safe
@needs("log:read")
@revalidated()
def pattern_detail(request: HttpRequest, pattern_id: str) -> HttpResponse:
    pattern = known_pattern(pattern_id)
    if pattern.id != pattern_id:
        return redirect(links.pattern(pattern.id))
    rebuilt = rebuilding()
    seen = detail.seen(pattern)
    places = by_blueprint(pattern)
    followed = came_next(pattern.id, EntryFilter())
    changeable = rebuilt is None and not pattern.other and allows(request.user, "patterns:change")
    context = {
        "section": "patterns",
        "title": Truncator(pattern.template or "no reason given").chars(TITLE_CHARACTERS),
        "pattern": pattern,
        "rebuilding": rebuilt,
        "seen": seen,
        **_denials(pattern),
        **places,
        **_members(pattern),
        "rejected": followed.denials,
        "next": outcomes(pattern, followed),
        "prompt": prompts.of_pattern(pattern, places["denied"], followed, EntryFilter()),
        **_days(pattern, seen),
        **_state(pattern),
        "state_url": links.change_pattern("state", pattern.id)
        if rebuilt is None and allows(request.user, "triage:write")
        else "",
        "notes": notes_panel.panel(request, NoteSubject("pattern", pattern.id)),
        "split_url": links.change_pattern("split", pattern.id) if changeable else "",
        "merge_url": links.change_pattern("merge", pattern.id) if changeable else "",
    }
    return page_or_fragment(request, "pattern/page.jinja", context)


def known_pattern(pattern_id: str) -> Known:
    """Raises ``Http404``."""
    pattern = detail.known(pattern_id)
    if pattern is None:
        raise Http404("There is no deny pattern with this id.")
    return pattern


def _state(pattern: Known) -> dict[str, Any]:
    state = states_of([pattern.pk])[pattern.pk]
    changes = history(pattern.pk)
    return {
        "state": state,
        "state_note": text(state.note),
        "causes": CAUSE_LABELS,
        "returned_url": _returned_url(pattern, state),
        "state_changes": changes,
        # An undo that restored nothing is the beginning.
        "may_undo": any(each.change == state.change and (each.restores or not each.undoes) for each in changes),
    }


def _returned_url(pattern: Known, state: PatternState) -> str:
    if state.returned_by is not None:
        return links.entry(state.returned_by, [("pattern", pattern.id)])
    if state.returned_ms is None:
        return ""
    day = links.between(state.returned_ms, state.returned_ms + DAY_MS)
    return links.runs([("pattern", pattern.id), *day])


def _denials(pattern: Known) -> dict[str, Any]:
    newest = detail.newest(pattern, EntryFilter())
    holes = detail.filled(pattern, newest)
    return {
        "denials": [denial_row(denial, pattern) for denial in newest[:DENIALS]],
        "looked_at": len(newest),
        "holes": [_hole(number, hole) for number, hole in enumerate(holes, 1)],
        "filled": max((hole.count for hole in holes), default=0),
        "passed": applied_instead(newest[:LOOKED_AT]),
    }


def _members(pattern: Known) -> dict[str, Any]:
    members = detail.members(pattern)
    return {
        "members": members[:MEMBERS] if len(members) > 1 else (),
        "more_members": max(0, len(members) - MEMBERS),
        "changes": _changes(pattern, members),
    }


def _hole(number: int, hole: Any) -> HoleRow:
    values = list(hole.values.items())
    numeric = hole.median is not None
    return HoleRow(
        nth=_ordinal(number),
        kind=hole.kind,
        rule=hole.rule,
        values=() if numeric else values[:VALUES],
        others=0 if numeric else hole.count - sum(count for _, count in values[:VALUES]),
        median=_said(hole.median) if numeric else "",
        span=f"{_said(hole.least)} – {_said(hole.greatest)}" if numeric else "",
    )


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _said(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.4g}"


def _days(pattern: Known, seen: Times) -> dict[str, Any]:
    # Three weeks up to today, or up to the last denial if that is older.
    today = day_of(now_ms())
    last = day_of(seen.last_ms) if seen.last_ms is not None else today
    is_past = last <= today - SPARK_DAYS
    day = last if is_past else today
    rejected = daily([pattern.pk], day)
    numbers = [rejected[pattern.pk, each] for each in range(day - SPARK_DAYS + 1, day + 1)]
    bars = days_before((day + 1) * DAY_MS, SPARK_DAYS)
    own = ("pattern", pattern.id)
    rows = [
        DayRow(periods.full_label(bar), number, links.rejections([own, *links.between(bar.since_ms, bar.until_ms)]))
        for bar, number in zip(bars, numbers, strict=True)
        if number
    ]
    return {
        "days_chart": charts.spark(numbers),
        "ticks": ticks(bars, axis=pattern.axis),
        "days": rows,
        "days_end": periods.full_label(bars[-1]) if is_past else "",
    }


def _changes(pattern: Known, members: Sequence[Member]) -> list[ChangeRow]:
    own = {member.text for member in members}
    rows = []
    for change in detail.changes(pattern.axis):
        templates = records.decode_texts(change.templates)
        if own.intersection(templates):
            who = (change.made_by, change.made_ms, change.undone_by, change.undone_ms)
            left_out = max(0, len(templates) - TEMPLATES)
            rows.append(ChangeRow(change.pk, change.kind, templates[:TEMPLATES], left_out, *who))
    return rows
