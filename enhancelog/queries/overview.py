"""Denials in a window, compared with the window before."""

from collections.abc import Sequence
from dataclasses import dataclass

from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.queries.axes import most_denied
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Bar, Scale, Window, days_before, scale
from enhancelog.queries.judgements import Denials, Judged, Judgements, judgements
from enhancelog.queries.patterns.ranking import SPARK_DAYS, Ranking, Scope, ranked
from enhancelog.queries.runs import Totals
from enhancelog.queries.runs import in_bars as runs_in_bars

# Rows per panel; the page says how many are left out.
MOST = 10


@dataclass(frozen=True)
class Strip:
    """``total`` includes runs outside the bars. ``next_applied``: denials after which the next attempt was applied."""

    axis: str
    total: Judged
    bars: Sequence[Judged]
    next_applied: int


@dataclass(frozen=True)
class BlueprintRow:
    blueprint_id: str
    totals: Totals
    top_axis: str | None = None


@dataclass(frozen=True)
class Overview:
    """``without_time``: runs with an implausible time, in totals only."""

    window: Window
    now: Totals
    before: Totals
    patterns: Ranking
    days: Sequence[Bar]
    bars: Sequence[tuple[Bar, Totals]]
    strips: Sequence[Strip]
    more_axes: int
    blueprints: Sequence[BlueprintRow]
    more_blueprints: int
    without_time: int


def overview(window: Window, newest_ms: int | None, named: Named = EVERY, *, shows_expected: bool = False) -> Overview:
    end_ms = window.until_ms or (day_of(newest_ms or 0) + 1) * DAY_MS
    judged = judgements(window, named)
    runs = judged.runs()
    bars = scale(window, (slot for slot in runs.by_slot if slot is not None))
    strips, more_axes = _strips(judged, bars)
    blueprints, more_blueprints = _blueprints(judged)
    return Overview(
        window=window,
        now=runs.now,
        before=runs.before,
        patterns=ranked(window, end_ms, MOST, Scope(named), shows_expected=shows_expected),
        days=days_before(end_ms, SPARK_DAYS),
        bars=list(zip(bars.bars(), runs_in_bars(runs.by_slot, bars), strict=True)),
        strips=strips,
        more_axes=more_axes,
        blueprints=blueprints,
        more_blueprints=more_blueprints,
        without_time=runs.by_slot.get(None, Totals()).runs,
    )


def _strips(judged: Judgements, bars: Scale) -> tuple[list[Strip], int]:
    shown, more = most_denied(judged, bars, MOST)
    denials = judged.denials("axis", axis=[each.axis for each in shown])
    return [Strip(*each, denials.get((each.axis,), Denials()).next_applied) for each in shown], more


def _blueprints(judged: Judgements) -> tuple[list[BlueprintRow], int]:
    totals = judged.runs_by_blueprint()
    shown = sorted(totals, key=lambda blueprint_id: (-totals[blueprint_id].rejection_rate.low, blueprint_id))[:MOST]
    top: dict[str, tuple[int, str]] = {}
    for (blueprint_id, axis), (_, rejected) in judged.sums("blueprint_id", "axis", blueprint_id=shown).items():
        if rejected:
            top[blueprint_id] = min(top.get(blueprint_id, (0, "")), (-rejected, axis))
    rows = [BlueprintRow(each, totals[each], top[each][1] if each in top else None) for each in shown]
    return rows, len(totals) - len(shown)
