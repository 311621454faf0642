"""What was different after a marker."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from enhancelog.domain.intervals import FEW, Interval, difference, points
from enhancelog.domain.marker_figures import Effect
from enhancelog.domain.markers import Marker
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Window
from enhancelog.queries.funnel import first_attempts
from enhancelog.queries.judgements import Judged, judgements
from enhancelog.queries.markers.listing import Markers
from enhancelog.queries.markers.windows import Windows, windows
from enhancelog.queries.patterns.ranking import Leader, Scope, leaders_of, numbers
from enhancelog.queries.runs import Totals, by_blueprint, compared, newest_ms
from enhancelog.queries.unfinished import count as count_unfinished
from enhancelog.queries.unfinished import exactly_in

MOST_AXES: Final = 50
MOST_BLUEPRINTS: Final = 20
MOST_PATTERNS: Final = 10
MOST_PATTERNS_READ: Final = 200
SHIFT: Final = 0.1  # of a Blueprint's share of the runs that changes the mix


class Change(NamedTuple):
    """``n`` of ``of`` after, and before. ``good``: whether more or fewer is better."""

    n: int
    of: int
    n_before: int
    of_before: int
    good: Literal["more", "fewer"] = "fewer"

    @property
    def points(self) -> int | None:
        return points(*self[:4])

    @property
    def interval(self) -> Interval:
        return difference(*self[:4])

    @property
    def effect(self) -> Effect:
        low, high = self.interval
        if min(self.of, self.of_before) < FEW:
            return "too_few"
        if low <= 0 <= high:
            return "unclear"
        return "better" if (low > 0) == (self.good == "more") else "worse"


class AxisChange(NamedTuple):
    """Rejected runs that it denied, of those that it judged."""

    axis: str
    change: Change


class BlueprintChange(NamedTuple):
    """Rejected runs."""

    blueprint_id: str
    change: Change


class PatternChange(NamedTuple):
    """``rejected``: before, of one that is gone; after, of a new one."""

    leader: Leader
    rejected: int


@dataclass(frozen=True)
class Patterns:
    """Most rejections first. ``more``: not listed, of those with most rejections."""

    found: Sequence[PatternChange]
    more: int


@dataclass(frozen=True)
class Comparison:
    """``mix_changed``: of Blueprints. ``blueprints``: most runs
    first. ``gone``: denied before and not since; ``new``: denied after for the first time."""

    windows: Windows
    before: Totals
    after: Totals
    rejected: Change
    first_applied: Change
    unfinished: Change
    axes: Sequence[AxisChange]
    more_axes: int
    mix_changed: bool
    blueprints: Sequence[BlueprintChange]
    more_blueprints: int
    gone: Patterns
    new: Patterns


def around(marker: Marker, others: Markers, now_ms: int) -> Comparison | None:
    """``None`` without time on one of the sides."""
    found = windows(marker, others.found, newest_ms(), now_ms)
    return None if found is None else compare(marker, found)


def compare(marker: Marker, sides: Windows) -> Comparison:
    named = EVERY if marker.blueprint_id is None else Named((marker.blueprint_id,))
    before, after = compared(sides.before, named).now, compared(sides.after, named).now
    axes = _axes(sides, named, marker.axis)
    places = _blueprints(sides, named)
    firsts = [first_attempts(window, named) for window in (sides.after, sides.before)]
    unfinished = [_unfinished(window, named) for window in (sides.after, sides.before)]
    gone, new = _patterns(sides, named)
    return Comparison(
        windows=sides,
        before=before,
        after=after,
        rejected=Change(*after.rejected_of, *before.rejected_of),
        first_applied=Change(*firsts[0], *firsts[1], "more"),
        unfinished=Change(unfinished[0], after.runs + unfinished[0], unfinished[1], before.runs + unfinished[1]),
        axes=axes[:MOST_AXES],
        more_axes=max(0, len(axes) - MOST_AXES),
        mix_changed=_mix_changed(places.values(), after, before),
        blueprints=[BlueprintChange(name, places[name]) for name in list(places)[:MOST_BLUEPRINTS]],
        more_blueprints=max(0, len(places) - MOST_BLUEPRINTS),
        gone=gone,
        new=new,
    )


# The marker's own axis first, then those with most denials.
def _axes(sides: Windows, named: Named, own: str | None) -> list[AxisChange]:
    after, before = (judgements(each, named).sums("axis") for each in (sides.after, sides.before))
    nothing = Judged()
    found = []
    for (axis,) in {**after, **before}:
        now, then = after.get((axis,), nothing), before.get((axis,), nothing)
        found.append(AxisChange(axis, Change(now.rejected, now.judged, then.rejected, then.judged)))
    return sorted(found, key=lambda each: (each.axis != own, -each.change.n - each.change.n_before, each.axis))


def _blueprints(sides: Windows, named: Named) -> dict[str, Change]:
    after, before = by_blueprint(sides.after), by_blueprint(sides.before)
    changes = {
        name: Change(*after.get(name, Totals()).rejected_of, *before.get(name, Totals()).rejected_of)
        for name in {**after, **before}
        if named.has(name)
    }
    return dict(sorted(changes.items(), key=lambda pair: (-pair[1].of - pair[1].of_before, pair[0])))


def _mix_changed(places: Iterable[Change], after: Totals, before: Totals) -> bool:
    shares = (Change(place.of, after.runs, place.of_before, before.runs) for place in places)
    return any(_is_shift(share) for share in shares)


def _is_shift(share: Change) -> bool:
    if not share.of or not share.of_before:
        return False
    low, high = share.interval
    return abs(share.n / share.of - share.n_before / share.of_before) >= SHIFT and not low <= 0 <= high


def _unfinished(window: Window, named: Named) -> int:
    return count_unfinished(exactly_in(window, named))


def _patterns(sides: Windows, named: Named) -> tuple[Patterns, Patterns]:
    after, before = (
        {pattern: each.rejected for pattern, each in numbers(window, Scope(named)).items()}
        for window in (sides.after, sides.before)
    )
    only_before, only_after = _only(before, after), _only(after, before)
    leaders = leaders_of([*only_before, *only_after])
    since_ms, until_ms = sides.after.since_ms or 0, sides.before.until_ms or 0
    gone = [each for each in only_before if each in leaders and (leaders[each].last_ms or since_ms) < until_ms]
    new = [each for each in only_after if each in leaders and (leaders[each].first_ms or 0) >= since_ms]
    return _listed(gone, before, leaders), _listed(new, after, leaders)


def _only(here: Mapping[int, int], there: Collection[int]) -> list[int]:
    found = sorted((each for each in here if each not in there), key=lambda each: (-here[each], each))
    return found[:MOST_PATTERNS_READ]


def _listed(order: Sequence[int], rejected: Mapping[int, int], leaders: Mapping[int, Leader]) -> Patterns:
    shown = [PatternChange(leaders[each], rejected[each]) for each in order[:MOST_PATTERNS]]
    return Patterns(shown, max(0, len(order) - MOST_PATTERNS))
