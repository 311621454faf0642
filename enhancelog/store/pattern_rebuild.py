"""Deriving the deny patterns anew, after the rules changed, while everybody reads the old ones and appends go on.

Step by step, each a short transaction under the append lock, so that it may stop at any time and go on later, and
several processes may try: one that finds the work already done by another does nothing. When the last entry is
reached, one row says that the new patterns are served from now on; then the old rows go, in steps too.
"""

import enum

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.backends import dialect, faults
from enhancelog.projections.patterns import classify, replacing, rules
from enhancelog.projections.patterns.adding import add
from enhancelog.projections.patterns.rules import State
from enhancelog.store.database import last_position, stored_after


class Step(enum.Enum):
    """What became of a step."""

    WORKED = enum.auto()
    BUSY = enum.auto()
    """Somebody else was quicker; it is theirs."""
    DONE = enum.auto()
    """Nothing is left to do."""


def step() -> Step:
    """Do a little of what is left to do. Raises ``Other``."""
    with faults():
        with connection.cursor() as cursor:
            if rules.is_complete(cursor):
                return _sweep() if replacing.leftovers(cursor) else Step.DONE
            state = rules.read(cursor)
        if state is None or state.building != patterns.RULES_VERSION:
            return _begin(state)
        return _go_on(state)


def _begin(seen: State | None) -> Step:
    """What an earlier try under the same rules left goes first."""
    with dialect().appending() as cursor:
        if rules.read(cursor) != seen:
            return Step.BUSY
        if not replacing.forget_earlier_try(cursor):
            served = seen.served if seen else None
            rules.write(cursor, State(served, patterns.RULES_VERSION, 0))
    return Step.WORKED


def _go_on(seen: State) -> Step:
    entries = stored_after(seen.done)
    classified = classify(entries)  # what takes longest keeps no append waiting
    with dialect().appending() as cursor:
        if rules.read(cursor) != seen:
            return Step.BUSY
        add(cursor, classified)
        done = entries[-1].position if entries else seen.done
        if done >= last_position():
            _serve(cursor)
        else:
            rules.write(cursor, seen._replace(done=done))
    return Step.WORKED


def _serve(cursor: CursorWrapper) -> None:
    rules.serve(cursor)
    replacing.point_old_ids(cursor)


def _sweep() -> Step:
    with dialect().appending() as cursor:
        replacing.sweep(cursor)
    return Step.WORKED
