"""The states of patterns: what their teams decided, and whether they returned since."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, cast

from django.db.models import QuerySet, Sum
from msgspec import structs

from enhancelog.backends import dialect
from enhancelog.domain.pattern_states import NEW, Cause, PatternState, PatternStateChange, State
from enhancelog.domain.times import DAY_MS, day_of, plausible_sql
from enhancelog.models import (
    ChangedTemplate,
    DenialPattern,
    Entry,
    PatternRules,
    StateChange,
    Template,
    TemplateState,
    TemplateTally,
)
from enhancelog.queries.prepared import Statement, run

MOST_CHANGES: Final = 100  # of a pattern's history

_STATE: Final = TemplateState._meta.db_table
_TEMPLATE: Final = Template._meta.db_table
_CHANGE: Final = StateChange._meta.db_table
_DENIAL: Final = DenialPattern._meta.db_table
_ENTRY: Final = Entry._meta.db_table
_SERVED: Final = f"(SELECT served FROM {PatternRules._meta.db_table})"

# Values hold since the change that they are from, whatever restored them: an undo, or a merge, or the undo of a merge.
_FROM: Final = f"""
    FROM {_STATE} held JOIN {_TEMPLATE} leader ON leader.key = held.template
    JOIN {_CHANGE} made ON made.id = held.change_id
    LEFT JOIN {_CHANGE} restored ON restored.id = made.restores_id
    LEFT JOIN {_CHANGE} kept ON kept.id = restored.restores_id"""
_SINCE_MS: Final = "COALESCE(kept.made_ms, restored.made_ms, made.made_ms)"
_SINCE: Final = "COALESCE(kept.seen, restored.seen, made.seen)"
# A scalar subquery, because a join would let SQLite read all entries for a Bloom filter.
_RECORDED_MS: Final = f"(SELECT recorded_ms FROM {_ENTRY} WHERE position = denial.position)"
# The first denial that was appended later and whose run is later.
_RETURNED: Final = f"""
    CASE WHEN made.state = 'fixed' THEN (
        SELECT denial.position FROM {_DENIAL} denial WHERE denial.pattern_id = leader.id
            AND denial.ts_ms > {_SINCE_MS} AND denial.position > {_SINCE}
            AND {plausible_sql("denial.ts_ms", _RECORDED_MS)}
        ORDER BY denial.ts_ms, denial.position LIMIT 1) END"""
_LEADING: Final = f"""
    SELECT leader.id, made.id, made.state, made.cause, made.assignee, made.note, made.most_a_day, made.actor_kind,
        made.actor_name, made.made_ms, {_SINCE_MS}, {_RETURNED} {_FROM}
    WHERE leader.rules = {_SERVED} AND leader.pattern_id = leader.id AND """
# A template of earlier rules leads to a pattern in two steps.
_STATES: Final = f"""
    SELECT DISTINCT member.pattern_id, made.state
    FROM {_STATE} held JOIN {_TEMPLATE} said ON said.key = held.template
    JOIN {_TEMPLATE} member ON member.id = said.pattern_id JOIN {_CHANGE} made ON made.id = held.change_id
    WHERE member.rules = {_SERVED} AND """


class _Held(NamedTuple):
    """``returned``: position."""

    pattern: int
    change: int
    state: State
    cause: Cause | None
    assignee: str | None
    note: str
    most_a_day: int | None
    changed_by_kind: str
    changed_by: str
    changed_ms: int
    since_ms: int
    returned: int | None


class _Returned(NamedTuple):
    ms: int
    issue_id: str | None = None


def states_of(patterns: Iterable[int]) -> Mapping[int, PatternState]:
    """By the row ids of leading templates; those without a state of their own are ``NEW``. At most four statements."""
    wanted = list(patterns)
    if not wanted:
        return {}
    condition, values = dialect().one_of("member.pattern_id", wanted)
    others: defaultdict[int, set[str]] = defaultdict(set)
    for pattern, state in run(Statement(_STATES + condition, (values,))):
        others[pattern].add(state)
    if not others:
        return dict.fromkeys(wanted, NEW)
    held = _held(*dialect().one_of("leader.id", list(others)))
    known = _with_returns(held)
    found = {pattern: _with_conflict(known.get(pattern, NEW), states) for pattern, states in others.items()}
    return {pattern: found.get(pattern, NEW) for pattern in wanted}


def expected() -> Mapping[int, PatternState]:
    """Patterns that leave the ranking, by the row ids of their leading templates; ``conflict`` is not read."""
    held = _held("made.state = 'expected'")
    return {pattern: state for pattern, state in _with_returns(held).items() if state.is_hidden}


def history(pattern: int) -> list[PatternStateChange]:
    """Changes that were made for any of its templates, newest first."""
    keys = Template.objects.filter(pattern=pattern).values("key")
    rows = StateChange.objects.filter(pk__in=ChangedTemplate.objects.filter(template__in=keys).values("change"))
    return [
        PatternStateChange(
            change=row.pk,
            state=cast(State, row.state),
            cause=cast(Cause | None, row.cause),
            assignee=row.assignee,
            note=row.note,
            most_a_day=row.most_a_day,
            changed_by=row.actor_name,
            changed_by_kind=row.actor_kind,
            changed_ms=row.made_ms,
            undoes=row.undoes_id,
            restores=row.restores_id,
        )
        for row in rows.order_by("-pk")[:MOST_CHANGES]
    ]


def _held(condition: str, *values: object) -> list[_Held]:
    return [_Held(*row) for row in run(Statement(_LEADING + condition, values))]


def _with_returns(held: Collection[_Held]) -> dict[int, PatternState]:
    returned = _denials_of_fixed(held) | _days_of_expected(held)
    return {each.pattern: _state(each, returned.get(each.pattern)) for each in held}


def _state(held: _Held, returned: _Returned | None) -> PatternState:
    return PatternState(
        change=held.change,
        state=held.state,
        cause=held.cause,
        assignee=held.assignee,
        note=held.note,
        most_a_day=held.most_a_day,
        changed_by=held.changed_by,
        changed_by_kind=held.changed_by_kind,
        changed_ms=held.changed_ms,
        returned_ms=returned.ms if returned else None,
        returned_by=returned.issue_id if returned else None,
    )


def _with_conflict(state: PatternState, states: set[str]) -> PatternState:
    # A template that is new again has nothing to lose.
    return structs.replace(state, conflict=True) if states - {"new", state.state} else state


def _denials_of_fixed(held: Collection[_Held]) -> dict[int, _Returned]:
    positions = {each.pattern: each.returned for each in held if each.returned is not None}
    if not positions:
        return {}
    rows = Entry.objects.filter(pk__in=set(positions.values())).values_list("position", "ts_ms", "issue_id")
    denials = {position: _Returned(ts_ms, issue_id) for position, ts_ms, issue_id in rows}
    return {pattern: denials[position] for pattern, position in positions.items()}


def _days_of_expected(held: Collection[_Held]) -> dict[int, _Returned]:
    # By whole days, that of the change included.
    limited = {each.pattern: each for each in held if each.state == "expected" and each.most_a_day is not None}
    if not limited:
        return {}
    first = min(day_of(each.since_ms) for each in limited.values())
    least = min(each.most_a_day or 0 for each in limited.values())
    rows = TemplateTally.objects.filter(template__pattern__in=list(limited), day__gte=first).order_by()
    days: QuerySet[Any, Any] = rows.values("template__pattern", "day").annotate(n=Sum("denied")).filter(n__gt=least)
    found: dict[int, _Returned] = {}
    for pattern, day, number in days.order_by("day").values_list("template__pattern", "day", "n"):
        each = limited[pattern]
        if day >= day_of(each.since_ms) and number > (each.most_a_day or 0):
            found.setdefault(pattern, _Returned(day * DAY_MS))
    return found
