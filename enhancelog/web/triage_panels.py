"""What the inbox shows of a pattern: why it waits, its numbers, and what to decide by."""

from typing import Any, Final, NamedTuple

from enhancelog import links
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.pattern_states import PatternState
from enhancelog.domain.times import DAY_MS
from enhancelog.queries import triage
from enhancelog.queries.patterns import detail
from enhancelog.queries.patterns.came_next import came_next
from enhancelog.queries.patterns.detail import Denied, Known
from enhancelog.queries.touched_places import most_touched
from enhancelog.queries.triage import Inbox, Rejections, Waiting
from enhancelog.web.folded_texts import text
from enhancelog.web.pattern_evidence import LOOKED_AT, applied_instead, by_blueprint, denial_row, outcomes

EXAMPLES: Final = 5
PLACES: Final = 5


# Rejections by the pattern in a part of the window, of all runs.
class Part(NamedTuple):
    label: str
    n: int
    of: int
    url: str
    runs_url: str


# ``n`` of the newest denials that were looked at.
class Touched(NamedTuple):
    place: str
    n: int
    url: str


def panels(pattern: Known, state: PatternState, waiting: Waiting | None, found: Inbox) -> dict[str, Any]:
    newest = detail.newest(pattern, EntryFilter(), LOOKED_AT)
    followed = came_next(pattern.id, EntryFilter())
    own = found.rejections.get(pattern.pk, Rejections())
    return {
        "pattern": pattern,
        "state": state,
        "state_note": text(state.note),
        "why": waiting.why if waiting else None,
        "held": triage.held(pattern.pk) if state.conflict else (),
        "seen": detail.seen(pattern),
        "denials": [denial_row(denial, pattern) for denial in newest[:EXAMPLES]],
        "passed": applied_instead(newest),
        "rejected": followed.denials,
        "next": outcomes(pattern, followed),
        "touched": _touched(pattern, newest),
        "looked_at": len(newest),
        "parts": _parts(pattern, own, found),
        "change_of_week": triage.change_of_week(own, found.runs),
        **by_blueprint(pattern),
    }


def _parts(pattern: Known, own: Rejections, found: Inbox) -> list[Part]:
    span = found.span
    days = {"all": (span.first, span.end), "week": (span.week, span.end), "before": (span.before, span.week)}
    labels = {"all": f"{triage.DAYS} days", "week": "Last 7 days", "before": "7 days before"}
    parts = []
    for name, (first, end) in days.items():
        between = links.between(first * DAY_MS, end * DAY_MS)
        listed = links.rejections([("pattern", pattern.id), *between])
        parts.append(Part(labels[name], getattr(own, name), getattr(found.runs, name), listed, links.runs(between)))
    return parts


def _touched(pattern: Known, newest: list[Denied]) -> list[Touched]:
    places = most_touched([denial.position for denial in newest], PLACES)
    own = ("pattern", pattern.id)
    return [Touched(place, n, links.rejections([own, ("touches", place)])) for place, n in places]
