"""Which patterns wait for a decision, worst first."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from django.db.models import Count as Rows

from enhancelog.domain.intervals import FEW, Interval, difference
from enhancelog.domain.pattern_states import NEW, PatternState
from enhancelog.domain.times import DAY_MS, day_of
from enhancelog.models import ChangedTemplate, PatternRules, StateChange, Template, TemplateState, TemplateTally
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import Count
from enhancelog.queries.pattern_ids import SERVED
from enhancelog.queries.pattern_states import states_of
from enhancelog.queries.prepared import Statement, run
from enhancelog.queries.runs import Totals, compared, newest_ms

MOST: Final = 1_000  # that can be gone through and are counted
MOST_HELD: Final = 20  # states of one pattern
DAYS: Final = 28
WEEK: Final = 7

Why = Literal["conflict", "returned", "new", "rising"]
_RANKS: Final = {"conflict": 0, "returned": 1, "new": 2, "rising": 3}

# Templates are looked up once each, not for each of their days and Blueprints.
_REJECTIONS: Final = f"""
    SELECT template.pattern_id, SUM(summed.everything), SUM(summed.week), SUM(summed.before)
    FROM (
        SELECT template_id, SUM(rejected) AS everything,
            COALESCE(SUM(rejected) FILTER (WHERE day >= %s), 0) AS week,
            COALESCE(SUM(rejected) FILTER (WHERE day >= %s AND day < %s), 0) AS before
        FROM {TemplateTally._meta.db_table} WHERE day >= %s AND day < %s GROUP BY template_id
    ) summed JOIN {Template._meta.db_table} template ON template.id = summed.template_id
    WHERE template.rules = (SELECT served FROM {PatternRules._meta.db_table}) AND summed.everything > 0
    GROUP BY template.pattern_id"""
_LATEST: Final = Statement(f"SELECT MAX(id) FROM {StateChange._meta.db_table}")


# Days since 1970 at which the window and its last two weeks begin, and the end.
class Span(NamedTuple):
    first: int
    before: int
    week: int
    end: int

    @property
    def since_ms(self) -> int:
        return self.first * DAY_MS

    @property
    def until_ms(self) -> int:
        return self.end * DAY_MS


# In the window, in its last seven days, and in the seven before.
class Rejections(NamedTuple):
    all: int = 0
    week: int = 0
    before: int = 0


class Waiting(NamedTuple):
    """``pattern``: row id of the leading template."""

    pattern: int
    why: Why
    rejections: Rejections


class Inbox(NamedTuple):
    """``waiting``: at most ``MOST``. ``runs``: all of them."""

    span: Span
    waiting: Sequence[Waiting]
    left: Count
    rejections: Mapping[int, Rejections]
    runs: Rejections

    def place(self, pattern: int) -> int | None:
        return next((at for at, each in enumerate(self.waiting) if each.pattern == pattern), None)


# A change that holds for so many templates of a pattern.
class Held(NamedTuple):
    change: StateChange
    templates: int


def inbox(now_ms: int) -> Inbox:
    span = _span(now_ms)
    rejections, runs = _rejections(span), _runs(span)
    states = states_of(_decided())
    nothing = Rejections()
    found = []
    for pattern in {**states, **rejections}:
        own = rejections.get(pattern, nothing)
        if why := _why(states.get(pattern, NEW), own, runs, span):
            found.append(Waiting(pattern, why, own))
    found.sort(key=lambda each: (_RANKS[each.why], -each.rejections.all, each.pattern))
    left = Count(min(len(found), MOST), capped=len(found) > MOST)
    return Inbox(span, found[:MOST], left, rejections, runs)


def change_of_week(own: Rejections, runs: Rejections) -> Interval | None:
    """Of the share of runs; ``None`` with too few."""
    if min(runs.week, runs.before) < FEW:
        return None
    return difference(own.week, runs.week, own.before, runs.before)


def latest_change() -> int:
    return int(run(_LATEST)[0][0] or 0)


def made_by(user: str, change_id: int) -> StateChange | None:
    return StateChange.objects.filter(pk=change_id, actor_kind="user", actor_name=user).first()


def made_for(change: StateChange) -> str | None:
    """The id of one of its templates."""
    return ChangedTemplate.objects.filter(change=change).values_list("template", flat=True).first()


def held(pattern: int) -> list[Held]:
    """What holds for a pattern's templates, newest first."""
    keys = Template.objects.filter(pattern__pattern=pattern).values("key")
    rows = TemplateState.objects.filter(pk__in=keys).order_by().values_list("change").annotate(n=Rows("pk"))
    numbers = dict(rows.order_by("-change")[:MOST_HELD])
    changes = StateChange.objects.in_bulk(list(numbers))
    return [Held(changes[change], number) for change, number in numbers.items()]


def _why(state: PatternState, own: Rejections, runs: Rejections, span: Span) -> Why | None:
    if state.conflict:
        return "conflict"
    if state.returned_ms is not None:
        return "returned"
    if state.state == "new":
        return "new" if own.all else None
    if state.state == "acknowledged" and (state.changed_ms or 0) < span.week * DAY_MS:
        change = change_of_week(own, runs)
        return "rising" if change is not None and change.low > 0 else None
    return None


def _span(now_ms: int) -> Span:
    newest = newest_ms()
    end = day_of(now_ms if newest is None else min(now_ms, newest)) + 1
    return Span(end - DAYS, end - 2 * WEEK, end - WEEK, end)


def _rejections(span: Span) -> dict[int, Rejections]:
    rows = run(Statement(_REJECTIONS, (span.week, span.before, span.week, span.first, span.end)))
    return {pattern: Rejections(*map(int, numbers)) for pattern, *numbers in rows}


def _runs(span: Span) -> Rejections:
    days = compared(Window(span.since_ms, span.until_ms)).by_slot
    nothing = Totals()

    def sum_of(first: int, end: int) -> int:
        return sum(days.get(day, nothing).runs for day in range(first, end))

    return Rejections(sum_of(span.first, span.end), sum_of(span.week, span.end), sum_of(span.before, span.week))


def _decided() -> list[int]:
    # A template of earlier rules leads to a pattern in two steps.
    rows = Template.objects.filter(key__in=TemplateState.objects.values("pk"), pattern__rules=SERVED)
    return list(rows.order_by().values_list("pattern__pattern_id", flat=True).distinct())
