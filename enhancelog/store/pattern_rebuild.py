"""Derives the deny patterns again after a rules change; the old ones are served meanwhile."""

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.backends import dialect, faults
from enhancelog.patterns import Rest, no_rest
from enhancelog.projections.patterns import axes, classify, replacing, rules
from enhancelog.projections.patterns.adding import add
from enhancelog.projections.patterns.rules import State
from enhancelog.store import pattern_groups, redacted, state_carrying
from enhancelog.store.database import last_position, stored_after
from enhancelog.store.pattern_groups import Step

# Each step is a short transaction under the append lock, so work can stop at any time, and several processes may work
# on it: one that finds a step done by another does nothing. When all entries are derived and grouped, one row switches
# to the new patterns. Then the old rows are deleted in steps.


def step(rest: Rest = no_rest) -> Step:
    """Do some of the remaining work, grouping new templates first. Raises ``Other``."""
    with faults():
        with connection.cursor() as cursor:
            is_complete = rules.is_complete(cursor)
            state = rules.read(cursor)
        if is_complete:
            return _group_or_sweep(rest)
        if state is None or state.building != patterns.RULES_VERSION:
            return _begin(state)
        return _go_on(state, rest)


def _group_or_sweep(rest: Rest) -> Step:
    became = pattern_groups.step(rest=rest)
    if became is not Step.DONE:
        return became
    with connection.cursor() as cursor:
        return _sweep() if replacing.leftovers(cursor) else Step.DONE


def _begin(seen: State | None) -> Step:
    with dialect().appending() as cursor:
        if rules.read(cursor) != seen:
            return Step.BUSY
        if not replacing.forget_earlier_try(cursor):
            served = seen.served if seen else None
            rules.write(cursor, State(served, patterns.RULES_VERSION, 0))
    return Step.WORKED


def _go_on(seen: State, rest: Rest) -> Step:
    redactions = redacted.number()
    entries = stored_after(seen.done)
    if not entries and (became := pattern_groups.step(rest=rest)) is not Step.DONE:
        return became
    classified = classify(entries)  # the expensive part, without the lock
    with dialect().appending() as cursor:
        if rules.read(cursor) != seen or redacted.number() != redactions:
            return Step.BUSY
        if entries:
            add(cursor, classified)
            rules.write(cursor, seen._replace(done=entries[-1].position))
        elif seen.done >= last_position() and not axes.pending(cursor):
            _serve(cursor)
    return Step.WORKED


def _serve(cursor: CursorWrapper) -> None:
    states = state_carrying.of_other_rules()
    rules.serve(cursor)
    replacing.point_old_ids(cursor)
    state_carrying.carry(states)


def _sweep() -> Step:
    with dialect().appending() as cursor:
        replacing.sweep(cursor)
    return Step.WORKED
